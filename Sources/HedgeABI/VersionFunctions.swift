import CHedgeRouter
import HedgeRouter

/// `hr_version()`, documented in the C header.
@implementation @_cdecl("hr_version")
public func hr_version() -> UInt32 {
    UInt32(HR_VERSION)
}

/// `hr_version_string()`, documented in the C header.
@implementation @_cdecl("hr_version_string")
public func hr_version_string() -> UnsafePointer<CChar>? {
    versionText
}

/// `hr_features()`, documented in the C header.
@implementation @_cdecl("hr_features")
public func hr_features() -> UnsafePointer<CChar>? {
    featuresText
}

/// `hr_config_schema()`, documented in the C header.
@implementation @_cdecl("hr_config_schema")
public func hr_config_schema() -> UnsafePointer<CChar>? {
    schemaText
}

/// `hr_dashboard_html()`, documented in the C header.
@implementation @_cdecl("hr_dashboard_html")
public func hr_dashboard_html() -> UnsafePointer<CChar>? {
    StaticText.pointer(Dashboard.page)
}

nonisolated(unsafe) private let versionText = StaticText.make(
    "\(HR_VERSION_MAJOR).\(HR_VERSION_MINOR).\(HR_VERSION_PATCH)")
nonisolated(unsafe) private let featuresText = StaticText.make(Features.json())
nonisolated(unsafe) private let schemaText = StaticText.make(ConfigurationSchema.json)
