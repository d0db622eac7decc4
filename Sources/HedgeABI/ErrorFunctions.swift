public import CHedgeRouter
import HedgeRouter

/// `hr_error_init()`, documented in the C header.
@implementation @_cdecl("hr_error_init")
public func hr_error_init(_ error: UnsafeMutablePointer<hr_error>?, _ size: Int) -> Int32 {
    hr_error.none.initialise(error, size: size)
}

/// `hr_error_name()`, documented in the C header.
@implementation @_cdecl("hr_error_name")
public func hr_error_name(_ code: Int32) -> UnsafePointer<CChar>? {
    StaticText.pointer(Status(rawValue: code)?.name ?? "HR_E_UNKNOWN")
}

/// `hr_error_description()`, documented in the C header.
@implementation @_cdecl("hr_error_description")
public func hr_error_description(_ code: Int32) -> UnsafePointer<CChar>? {
    StaticText.pointer(Status(rawValue: code)?.explanation ?? "The number is no code of this library.")
}
