public import CHedgeRouter
import HedgeProviders
import HedgeRouter

/// `hr_sim_core()`, documented in the C header.
@implementation @_cdecl("hr_sim_core")
public func hr_sim_core(
    _ script: UnsafePointer<CChar>?, _ script_size: Int, _ out: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ out_size: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<hr_error>?
) -> Int32 {
    call(error) { () throws(RouterError) in
        let out = try output(out, out_size)
        let result = try CoreReplay.run(input(script, script_size, "script"))
        try give(result, out, out_size)
        return HR_OK
    }
}

/// `hr_sim_codec()`, documented in the C header.
@implementation @_cdecl("hr_sim_codec")
public func hr_sim_codec(
    _ script: UnsafePointer<CChar>?, _ script_size: Int, _ out: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?,
    _ out_size: UnsafeMutablePointer<Int>?, _ error: UnsafeMutablePointer<hr_error>?
) -> Int32 {
    call(error) { () throws(RouterError) in
        let out = try output(out, out_size)
        let result = try replayDecoder(input(script, script_size, "script"))
        try give(result, out, out_size)
        return HR_OK
    }
}

private func replayDecoder(_ script: UnsafeRawBufferPointer) throws(RouterError) -> [UInt8] {
    do throws(CodecReplay.ScriptError) {
        return try CodecReplay.run(script.bindMemory(to: UInt8.self).span)
    } catch {
        throw RouterError(.invalid, error.message, path: error.path)
    }
}
