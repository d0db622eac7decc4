extension RouterConfiguration {
    /// Reads a configuration document with the environment of this process; every problem is in the error's message.
    public init(reading document: UnsafeRawBufferPointer) throws(RouterError) {
        switch RouterConfiguration.parse(document) {
        case .success(let configuration): self = configuration
        case .failure(let report): throw RouterError(report)
        }
    }

    /// Reads a configuration document with the environment of this process.
    init(reading document: [UInt8]) throws(RouterError) {
        switch document.withUnsafeBytes({ RouterConfiguration.parse($0) }) {
        case .success(let configuration): self = configuration
        case .failure(let report): throw RouterError(report)
        }
    }

    /// Checks a document: the report as JSON, and the error if there is any.
    public static func check(_ document: UnsafeRawBufferPointer) -> (report: [UInt8], failure: RouterError?) {
        switch parse(document) {
        case .success(let configuration):
            (ConfigurationReport(warnings: configuration.warnings).json(), nil)
        case .failure(let report):
            (report.json(), RouterError(report))
        }
    }
}

extension RouterError {
    fileprivate init(_ report: ConfigurationReport) {
        self.init(.configuration, report.summary(limit: 511), path: report.errors.first?.path ?? "")
        if let offset = report.syntaxOffset { detail = Int32(clamping: offset) }
    }
}

extension Router.SubmitOptions {
    /// Takes the settings of an overrides document.
    public mutating func read(overrides document: UnsafeRawBufferPointer) throws(RouterError) {
        try take(RequestOverridesDocument.parse(document))
    }

    /// Takes the settings of an overrides document.
    mutating func read(overrides document: [UInt8]) throws(RouterError) {
        try take(document.withUnsafeBytes { RequestOverridesDocument.parse($0) })
    }

    private mutating func take(
        _ parsed: Result<RequestOverridesDocument, ConfigurationReport>
    ) throws(RouterError) {
        switch parsed {
        case .success(let read):
            overrides = read.overrides
            fallbacks = read.fallbacks
            timeout = read.timeout ?? timeout
            traceParent = read.traceParent
            traceState = read.traceState
            operation = read.operation ?? operation
            streamsUpstream = read.streamsUpstream ?? streamsUpstream
        case .failure(let report):
            var error = RouterError(report)
            error.status = .invalid
            error.message = "overrides: \(error.message)"
            throw error
        }
    }
}
