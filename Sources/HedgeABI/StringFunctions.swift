import CHedgeRouter
import Glibc

@implementation @_cdecl("hr_string_free")
public func hr_string_free(_ string: UnsafeMutablePointer<CChar>?) {
    free(string)
}
