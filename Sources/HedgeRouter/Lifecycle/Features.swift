import HedgeJSON
import HedgeProviders
import HedgeTransport

/// What this build can do.
public enum Features {
    /// The library's version; a test compares it with the header's.
    public static let version = "0.1.0"

    /// The features as a JSON object.
    public static func json() -> [UInt8] {
        var json = JSONWriter()
        json.beginObject()
        json.key("providers")
        json.beginArray()
        for name in Providers.names { json.value(name) }
        json.endArray()
        let transport = TransportFeatures.current
        json.member("http2", transport.hasHTTP2)
        json.member("libcurl", transport.curlVersion)
        json.member("jansson", JSONLibrary.version)
        json.endObject()
        return json.bytes
    }
}
