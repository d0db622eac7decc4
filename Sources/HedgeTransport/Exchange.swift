import CCurl
import HedgeJSON

/// One easy handle and the transfer it carries at the moment, if any.
///
/// Everything constant for a target is set once, so that the next transfer sets a body and a time limit. libcurl's
/// callbacks reach the transfer through the address of this object, which the loop keeps alive for as long as the
/// handle is in its multi handle.
final class Exchange {
    let easy: UnsafeMutableRawPointer
    let pool: TargetPool
    // Unsafe, and so without a check for each piece of a body: libcurl calls back only while the loop is in its
    // run(_:), and the loop frees every exchange before it goes.
    private unowned(unsafe) let loop: EventLoop
    private let errorText: UnsafeMutablePointer<CChar>

    private(set) var transfer = TransferID(rawValue: 0)
    private var body: Bytes?
    private var ownHeaders: HeaderList?
    private(set) var head = ResponseHead()
    // Of its own, because it is asked for each piece of a body.
    private var isHeadTold = false
    /// Set when a callback broke the transfer off; says more than the CURLcode that follows.
    private(set) var brokenOff: TransferFailure?
    var isPaused = false
    var isResumeDue = false

    /// A handle with everything set that `pool`'s target asks for. Nil when memory is short.
    init?(_ pool: TargetPool, of loop: EventLoop) {
        guard let easy = curl_easy_init() else { return nil }
        self.easy = easy
        self.pool = pool
        self.loop = loop
        errorText = .allocate(capacity: Int(CURL_ERROR_SIZE))
        errorText.initialize(repeating: 0, count: Int(CURL_ERROR_SIZE))
        let itself = Unmanaged.passUnretained(self).toOpaque()
        guard configure(pool.target, itself) == CURLE_OK else { return nil }
    }

    deinit {
        curl_easy_cleanup(easy)
        errorText.deallocate()
    }

    /// Makes the handle ready to carry a transfer.
    func prepare(_ transfer: TransferID, _ request: TransferRequest) -> CURLcode {
        self.transfer = transfer
        brokenOff = nil
        errorText.pointee = 0
        body = request.body

        var setup = Setup(easy)
        // Not copied by libcurl: `body` keeps the bytes where they are until the transfer has ended.
        setup.offset(CURLOPT_POSTFIELDSIZE_LARGE, curl_off_t(request.body.count))
        setup.pointer(CURLOPT_POSTFIELDS, UnsafeMutableRawPointer(mutating: request.body.baseAddress))
        let timeout = max(0, min(request.connectTimeoutMilliseconds, Int(Int32.max)))
        setup.long(CURLOPT_CONNECTTIMEOUT_MS, timeout)
        if !request.headers.isEmpty {
            ownHeaders = HeaderList(request.headers, followedBy: pool.headers)
            guard let ownHeaders else { return CURLE_OUT_OF_MEMORY }
            setup.list(CURLOPT_HTTPHEADER, ownHeaders.head)
        }
        return setup.result
    }

    /// Lets go of what belonged to the transfer, after it ended.
    func recycle() {
        if ownHeaders != nil {
            chr_easy_set_list(easy, CURLOPT_HTTPHEADER, pool.headers.head)
            ownHeaders = nil
        }
        body = nil
        head = ResponseHead()
        isHeadTold = false
        isPaused = false
        isResumeDue = false
    }

    /// What libcurl says of the failure beyond its code, in one short line; nil if nothing, or if it could name a
    /// user or password of a URL.
    var detail: String? {
        guard errorText.pointee != 0, !pool.hasCredentialsInURL else { return nil }
        let printable = String(cString: errorText).unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7f ? " " : $0 }
        return String(String.UnicodeScalarView(printable.prefix(200)))
    }

    /// Names the connection among those of this machine; 0 while there is none.
    var localPort: Int { chr_easy_get_long(easy, CURLINFO_LOCAL_PORT) }

    /// Whether the connection is closed with the transfer, unless others share it.
    func closesConnection(_ isClosing: Bool) {
        chr_easy_set_long(easy, CURLOPT_FORBID_REUSE, isClosing ? 1 : 0)
    }

    /// Has libcurl send what it holds back for an HTTP/2 connection. Pauses nothing: sending is stopped and let go on
    /// again, each of which writes out the connection's buffer.
    func flush() {
        curl_easy_pause(easy, CURLPAUSE_SEND)
        curl_easy_pause(easy, CURLPAUSE_CONT)
    }

    private func configure(_ target: TransferTarget, _ itself: UnsafeMutableRawPointer) -> CURLcode {
        var setup = Setup(easy)
        setup.pointer(CURLOPT_PRIVATE, itself)
        setup.pointer(CURLOPT_ERRORBUFFER, errorText)
        setup.sink(CURLOPT_HEADERFUNCTION, takeHeaderLine)
        setup.pointer(CURLOPT_HEADERDATA, itself)
        setup.sink(CURLOPT_WRITEFUNCTION, takeBody)
        setup.pointer(CURLOPT_WRITEDATA, itself)
        setup.share(loop.multi.share)
        setup.sockets(of: loop.multi)
        setup.process()
        setup.request(target, pool.url, headers: pool.headers)
        setup.network(target.network)
        return setup.result
    }

    // MARK: Callbacks

    fileprivate func take(headerLine line: UnsafeRawBufferPointer) -> Bool {
        switch head.take(line) {
        case .unfinished:
            return true
        case .complete:
            isHeadTold = true
            loop.tellHead(of: self)
            return true
        case .tooLarge:
            breakOff("The head of the response is larger than \(ResponseHead.limit) bytes")
            return false
        case .malformed:
            breakOff("The response does not begin with a status line")
            return false
        }
    }

    fileprivate func take(body bytes: UnsafeRawBufferPointer) -> Int {
        guard isHeadTold else {
            breakOff("The response has a body before the end of its head")
            return bytes.count == 0 ? 1 : 0
        }
        if loop.tellBody(of: self, bytes) { return bytes.count }
        isPaused = true
        return chr_write_pause
    }

    private func breakOff(_ message: String) {
        brokenOff = TransferFailure(kind: .http, code: Int32(CURLE_WRITE_ERROR.rawValue), message: message)
    }
}

private func takeHeaderLine(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ exchange: UnsafeMutableRawPointer?
) -> Int {
    guard let exchange else { return 0 }
    let length = size &* count
    let line = UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : length)
    let isTaken = Unmanaged<Exchange>.fromOpaque(exchange)._withUnsafeGuaranteedRef { $0.take(headerLine: line) }
    // Anything but the length breaks the transfer off.
    return isTaken ? length : length &+ 1
}

private func takeBody(
    _ bytes: UnsafeMutablePointer<CChar>?, _ size: Int, _ count: Int, _ exchange: UnsafeMutableRawPointer?
) -> Int {
    guard let exchange else { return 0 }
    let body = UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : size &* count)
    return Unmanaged<Exchange>.fromOpaque(exchange)._withUnsafeGuaranteedRef { $0.take(body: body) }
}
