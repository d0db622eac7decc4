internal import CJansson

/// The jansson of this process.
public enum JSONLibrary {
    /// jansson's version, such as `2.14`.
    public static var version: String {
        jansson_version_str().map { String(cString: $0) } ?? ""
    }
}
