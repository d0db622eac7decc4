import HedgeJSON
import HedgeProviders
import HedgeTransport

/// What this build can do.
public enum Features {
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
