import HedgeCore
import Testing

@testable import HedgeRouter

@Suite("The bill of an attempt")
struct AttemptBillTests {
    static let prices = TokenPrices(input: 2, cachedInput: 1, output: 10)

    /// A stream of 400 bytes of prompt whose first 1,000 bytes of output had come when it was superseded.
    static func superseded(_ adjust: (inout AttemptFacts) -> Void = { _ in }) -> AttemptFacts {
        var facts = AttemptFacts(
            end: .cancelled(.superseded), role: .primary, isWinner: false, hasRaced: false, isWonByCanary: false,
            isStream: true, promptBytes: 400, outputBytes: 1000, usage: nil, isUsageCurrent: false,
            cancelStopsBilling: true, answerTokens: 70, promptTokens: nil)
        adjust(&facts)
        return facts
    }

    static func calibrated() -> TokenCalibration {
        var calibration = TokenCalibration()
        for _ in 0..<10 {
            calibration.learn(
                Usage(promptTokens: 80, completionTokens: 50), promptBytes: 400, outputBytes: 5000, isStream: true)
        }
        return calibration
    }

    @Test("is what the provider counted, to the token and with its cache's price")
    func exact() throws {
        let facts = Self.superseded {
            $0.end = .succeeded
            $0.isWinner = true
            $0.usage = Usage(promptTokens: 90, completionTokens: 33, cachedPromptTokens: 40)
        }
        let bill = facts.bill(Self.calibrated(), Self.prices)
        #expect(bill.tokens == TokenCount(prompt: 90, cachedPrompt: 40, completion: 33))
        #expect(bill.cost == 470.0)
        #expect(!bill.isEstimated)
        #expect(bill.use == .answer)
    }

    @Test("has prices of their own for what a cache gave and what it took")
    func cacheWrites() throws {
        let facts = Self.superseded {
            $0.end = .succeeded
            $0.isWinner = true
            $0.usage = Usage(
                promptTokens: 90, completionTokens: 33, cachedPromptTokens: 40, cacheWrittenTokens: 30,
                reasoningTokens: 9)
        }
        let prices = TokenPrices(input: 2, cachedInput: 1, cacheWrite: 2.5, output: 10)
        let bill = facts.bill(Self.calibrated(), prices)
        #expect(bill.tokens == TokenCount(prompt: 90, cachedPrompt: 40, cacheWritten: 30, completion: 33))
        // 20 plain, 40 read, 30 written; reasoning is part of the 33.
        let expected: Double = 20 * 2 + 40 * 1 + 30 * 2.5 + 33 * 10
        #expect(bill.cost == expected)
        // Without a price of their own both are ordinary prompt tokens.
        #expect(facts.bill(Self.calibrated(), TokenPrices(input: 2, output: 10)).cost == 510.0)
    }

    @Test("of a cancelled stream is estimated from its bytes as the deployment's own counts were")
    func estimated() {
        let bill = Self.superseded().bill(Self.calibrated(), Self.prices)
        #expect(bill.tokens == TokenCount(prompt: 80, completion: 10))
        #expect(bill.isEstimated)
        #expect(bill.use == .hedgeLoser)
        // Before anything was learnt: four bytes a token, and chunks of 200 bytes.
        #expect(
            Self.superseded().bill(TokenCalibration(), Self.prices).tokens == TokenCount(prompt: 100, completion: 5))
    }

    @Test("is that of the whole answer where cancelling does not stop it", arguments: [false, nil])
    func billedToTheEnd(stops: Bool?) {
        let facts = Self.superseded { $0.cancelStopsBilling = stops }
        #expect(facts.bill(Self.calibrated(), Self.prices).tokens.completion == 70)
        // Nobody answered: what answers took there before.
        let alone = Self.superseded {
            $0.cancelStopsBilling = stops
            $0.answerTokens = nil
        }
        #expect(alone.bill(Self.calibrated(), Self.prices).tokens.completion == 50)
        #expect(alone.bill(TokenCalibration(), Self.prices).tokens.completion == TokenCalibration.usualAnswer)
        let whole = Self.superseded {
            $0.isStream = false
            $0.outputBytes = 0
        }
        #expect(whole.bill(Self.calibrated(), Self.prices).tokens.completion == 70)
    }

    @Test("trusts a running count only when it covers everything that came")
    func runningUsage() {
        let current = Self.superseded {
            $0.usage = Usage(promptTokens: 81, completionTokens: 12)
            $0.isUsageCurrent = true
        }
        let bill = current.bill(Self.calibrated(), Self.prices)
        #expect(bill.tokens == TokenCount(prompt: 81, completion: 12))
        #expect(!bill.isEstimated)
        // A count from the start of the answer says nothing of the rest.
        let early = Self.superseded { $0.usage = Usage(promptTokens: 81, completionTokens: 1) }
        let guessed = early.bill(Self.calibrated(), Self.prices)
        #expect(guessed.tokens == TokenCount(prompt: 81, completion: 10))
        #expect(guessed.isEstimated)
    }

    @Test("of an error is nothing, of an answer that broke what had come")
    func failures() {
        let refused = Self.superseded {
            $0.end = .failed(isTimeout: false, isAnswered: false)
            $0.outputBytes = 0
        }
        #expect(refused.bill(Self.calibrated(), Self.prices).tokens == TokenCount())
        #expect(refused.bill(Self.calibrated(), Self.prices).use == .failure)
        let broken = Self.superseded {
            $0.end = .failed(isTimeout: false, isAnswered: true)
            $0.cancelStopsBilling = false
        }
        #expect(broken.bill(Self.calibrated(), Self.prices).tokens == TokenCount(prompt: 80, completion: 10))
        let late = Self.superseded { $0.end = .failed(isTimeout: true, isAnswered: true) }
        #expect(late.bill(Self.calibrated(), Self.prices).use == .timeout)
        #expect(late.bill(Self.calibrated(), Self.prices).tokens.prompt == 80)
    }

    @Test("names why the tokens bought nothing")
    func uses() {
        func use(_ adjust: (inout AttemptFacts) -> Void) -> TokenUse {
            Self.superseded(adjust).bill(TokenCalibration(), TokenPrices()).use
        }
        #expect(use { $0.hasRaced = true } == .raceLoser)
        #expect(use { $0.role = .hedge } == .hedgeLoser)
        #expect(use { $0.role = .canary } == .canary)
        #expect(use { $0.isWonByCanary = true } == .canary)
        #expect(use { $0.end = .cancelled(.callerCancelled) } == .callerCancel)
        #expect(use { $0.end = .cancelled(.deadline) } == .timeout)
        #expect(use { $0.end = .cancelled(.requestFailed) } == .failure)
        #expect(
            use {
                $0.role = .canary
                $0.isWinner = true
                $0.end = .succeeded
            } == .answer)
    }

    @Test("has no cost without prices")
    func noPrices() {
        #expect(Self.superseded().bill(Self.calibrated(), TokenPrices()).cost == nil)
        #expect(Self.superseded().bill(Self.calibrated(), TokenPrices(input: 1)).cost == nil)
    }

    @Test("calibrates on what was counted lately")
    func calibration() {
        var calibration = Self.calibrated()
        for _ in 0..<300 {
            calibration.learn(
                Usage(promptTokens: 200, completionTokens: 100), promptBytes: 400, outputBytes: 5000, isStream: true)
        }
        #expect(calibration.promptTokens(bytes: 400, known: nil) == 200)
        #expect(calibration.completionTokens(bytes: 5000, isStream: true) == 100)
        // Nonsense teaches nothing.
        calibration.learn(
            Usage(promptTokens: -5, completionTokens: .max), promptBytes: 0, outputBytes: 0, isStream: true)
        #expect(calibration.promptTokens(bytes: 400, known: nil) == 200)
        #expect(calibration.promptTokens(bytes: -1, known: nil) == 0)
    }
}
