import HedgeCore
import HedgeJSON
import HedgeProviders
enum Providers { static let names = ["openai"]; static func named(_ n: String) -> (any Provider)? { nil } }
public enum DecoderReplay { public static func run(_ s: UnsafeRawBufferPointer) throws(RouterError) -> [UInt8] { [] } }
