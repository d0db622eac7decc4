import HedgeCore
import HedgeProviders
import HedgeTransport
import Testing

@testable import HedgeRouter

@Suite("Configuration")
struct ConfigurationTests {
    @Test("A small document becomes deployments, groups and defaults")
    func small() throws {
        let configuration = try ConfigurationSupport.configuration(ConfigurationSupport.document())
        #expect(configuration.warnings.isEmpty)
        #expect(configuration.groups == [ModelGroup(name: "m", deployments: [0])])
        let deployment = try #require(configuration.deployments.first)
        #expect(deployment.providerName == "openai")
        #expect(deployment.endpoint.model == "gpt-4o")
        #expect(deployment.endpoint.baseURL == "https://api.openai.com/v1")
        #expect(deployment.endpoint.apiKey == Secret("k"))
        #expect(deployment.network == NetworkSettings())
        let core = deployment.core(id: DeploymentID(rawValue: 7))
        #expect(core.id == DeploymentID(rawValue: 7))
        #expect(core.failureDomain == "api.openai.com")
        #expect(core.timeouts == AttemptTimeouts())
        #expect(configuration.policy.strategy == .staggeredHedge)
        #expect(configuration.limits == RouterLimits())
    }
}
