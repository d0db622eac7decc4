import Glibc
import HedgeCore
import HedgeJSON
import Testing

@testable import HedgeRouter

@Suite("Metrics as text")
struct MetricsTests {
    /// A router's snapshot after some attempts, with awkward names.
    static func snapshot(deployments count: Int = 3) throws -> StatisticsSnapshot {
        let entries = (0..<count).map {
            #"{"model_name": "a \"b\" \\ c", "litellm_params": {"model": "openai/m", "api_key": "marked-key", "#
                + #""api_base": "http://127.0.0.1:1/v1", "input_cost_per_token": 1, "output_cost_per_token": 2}, "#
                + #""model_info": {"id": "d\#($0)"}}"#
        }
        let configuration = try ConfigurationSupport.configuration(
            #"{"model_list": [\#(entries.joined(separator: ","))]}"#)
        var registry = DeploymentRegistry()
        let table = RoutingTable(configuration, registry: &registry)
        let core = RouterCore(configuration: table.core, seed: 1)
        var evidence = EvidenceLedger()
        for id in table.deployments.keys {
            evidence.change(id) { deployment in
                for step in 1...50 {
                    deployment.answeredStream.add(nanoseconds: Int64(step) * 100_000_000)
                    deployment.abandonedStream.add(nanoseconds: Int64(step) * 10_000_000)
                }
                for use in TokenUse.allCases {
                    deployment.add(
                        AttemptBill(
                            tokens: TokenCount(prompt: 10, completion: 5), cost: 20, use: use,
                            isEstimated: use != .answer), bytes: 700)
                }
            }
        }
        evidence.change(GroupID(rawValue: 0)) { group in
            group.count(nil)
            group.count(.overloaded)
            group.count(.cancelled)
            group.addFirstToken(
                70_000_000, request: 9, trace: TraceContext(TraceContextTests.valid), time: 1_700_000_000_123)
        }
        return StatisticsSnapshot(
            core: core.report(at: Instant(nanoseconds: 1)), table: table, attemptsInFlight: 2, inconsistencies: 0,
            evidence: evidence)
    }

    static func lines(_ format: MetricsFormat, deployments: Int = 3) throws -> [String] {
        let text = try snapshot(deployments: deployments).metrics(format).withBytes {
            String(decoding: $0, as: UTF8.self)
        }
        #expect(text.utf8.last == UInt8(ascii: "\n"))
        return text.split(separator: "\n").map(String.init)
    }

    @Test("have a family for each row of the table, each once and with help")
    func families() throws {
        for format in [MetricsFormat.prometheus, .openMetrics] {
            let lines = try Self.lines(format)
            let types = lines.filter { $0.hasPrefix("# TYPE ") }
            let expected = MetricTable.all.map { metric in
                let name = format == .openMetrics ? "hedgerouter_" + metric.name : metric.queryName
                return "# TYPE \(name) \(metric.kind.rawValue)"
            }
            #expect(types == expected)
            #expect(lines.count { $0.hasPrefix("# HELP ") } == expected.count)
            #expect(Set(expected).count == expected.count)
        }
    }

    @Test("carry no labels but those of the table")
    func labels() throws {
        var family: Metric?
        for line in try Self.lines(.prometheus) {
            if line.hasPrefix("# TYPE ") {
                family = MetricTable.all.first { line.hasPrefix("# TYPE \($0.queryName) ") }
                continue
            }
            guard !line.hasPrefix("#") else { continue }
            let metric = try #require(family)
            #expect(line.hasPrefix(metric.queryName))
            // Quoted values go first; what is left between the braces are names.
            var names: [String] = []
            var name = ""
            var isQuoted = false
            var isEscaped = false
            for character in line.drop(while: { $0 != "{" }).dropFirst() {
                if isEscaped {
                    isEscaped = false
                    continue
                }
                if character == "\\" {
                    isEscaped = true
                    continue
                }
                if character == "\"" {
                    isQuoted.toggle()
                    continue
                }
                if isQuoted { continue }
                if character == "}" { break }
                if character == "=" {
                    names.append(name)
                    name = ""
                    continue
                }
                if character != "," { name.append(character) }
            }
            let allowed = metric.labels + (metric.kind == .histogram ? ["le"] : [])
            #expect(Set(names).isSubset(of: allowed), "\(line)")
            #expect(Set(names).count == names.count, "\(line)")
        }
    }

    @Test("escape what a label's value may not hold as it is")
    func escapes() throws {
        let lines = try Self.lines(.prometheus)
        #expect(lines.contains(#"hedgerouter_requests_total{model_group="a \"b\" \\ c",outcome="ok"} 1"#))
        #expect(lines.contains(#"hedgerouter_requests_total{model_group="a \"b\" \\ c",outcome="error"} 1"#))
        #expect(
            lines.contains(#"hedgerouter_request_errors_total{model_group="a \"b\" \\ c",code="HR_E_OVERLOADED"} 1"#))
        #expect(!lines.contains { $0.contains("marked-key") })
    }

    @Test("have histograms whose buckets add up")
    func histograms() throws {
        let lines = try Self.lines(.prometheus)
        let prefix = #"hedgerouter_attempt_wait_seconds_bucket{deployment="d0","#
        let answered = lines.filter { $0.hasPrefix(prefix) && $0.contains("answered") }
        #expect(answered.count == LatencyBuckets.count)
        let counts = answered.compactMap { $0.split(separator: " ").last.flatMap { Int($0) } }
        #expect(counts == counts.sorted())
        #expect(counts.last == 50)
        // 0.1 to 0.5 s in five steps.
        #expect(answered.first { $0.contains(#"le="0.5""#) }?.hasSuffix(" 5") == true)
        #expect(answered.last?.contains(#"le="+Inf""#) == true)
        let sum = lines.first { $0.hasPrefix("hedgerouter_attempt_wait_seconds_sum") && $0.contains("answered") }
        let total = try #require(sum?.split(separator: " ").last.flatMap { Double($0) })
        #expect(abs(total - 127.5) < 1e-9)
    }

    @Test("end with EOF, and carry units and exemplars, in OpenMetrics alone")
    func openMetrics() throws {
        let lines = try Self.lines(.openMetrics)
        #expect(lines.last == "# EOF")
        #expect(lines.contains("# UNIT hedgerouter_request_first_token_seconds seconds"))
        let exemplar = try #require(lines.first { $0.contains("# {") })
        #expect(
            exemplar.contains(#"le="0.08"} 1 # {request_id="req-9",trace_id="0af7651916cd43dd8448eb211c80319c"} 0.07"#))
        #expect(exemplar.hasSuffix(" 1700000000.123"))
        let plain = try Self.lines(.prometheus)
        #expect(!plain.contains { $0.contains("# {") || $0.hasPrefix("# UNIT") || $0.hasPrefix("# EOF") })
    }

    @Test(
        "put a latency into the bucket that Prometheus would",
        arguments: zip(
            [0, 9_999_999, 10_000_000, 10_000_001, 50_000_000, 31_500_000_000, 600_000_000_000, 600_000_000_001, .max],
            [0, 0, 0, 1, 2, 30, 35, 36, 36]))
    func buckets(nanoseconds: Int64, bucket: Int) {
        #expect(LatencyBuckets.index(ofNanoseconds: nanoseconds) == bucket)
    }

    @Test("are on the page that is committed")
    func reference() throws {
        if getenv("HEDGEROUTER_UPDATE_DOCS") != nil {
            try ConfigurationSupport.write(Array(MetricsReference.markdown.utf8), to: "docs/metrics.md")
        }
        let committed = String(decoding: try ConfigurationSupport.read("docs/metrics.md"), as: UTF8.self)
        #expect(
            committed == MetricsReference.markdown,
            "run HEDGEROUTER_UPDATE_DOCS=1 swift test --filter MetricsTests")
    }

    @Test("have their numbers in the stats document where the table says")
    func statsPaths() throws {
        let text = try Self.snapshot().json()
        let document = try JSONDocument.parse(text.span)
        for metric in MetricTable.all {
            var places: [JSONValue] = [document.root]
            for part in metric.statsPath.split(separator: ".") {
                let isList = part.hasSuffix("[]")
                let key = isList ? String(part.dropLast(2)) : String(part)
                places = places.compactMap { $0.member(key) }
                if isList { places = places.flatMap { Array($0.elements) } }
                // What is null or absent while it is unknown has nothing below it.
                if key == "streaming" || key == "ttft_ms" || key == "health" { break }
            }
            #expect(!places.isEmpty, "\(metric.name): \(metric.statsPath)")
        }
    }
}
