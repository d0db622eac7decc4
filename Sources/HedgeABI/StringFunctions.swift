import CHedgeRouter
import Glibc

/// `hr_string_free()`, documented in the C header.
@implementation @_cdecl("hr_string_free")
public func hr_string_free(_ string: UnsafeMutablePointer<CChar>?) {
    free(string)
}
