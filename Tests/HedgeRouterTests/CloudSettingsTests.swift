import HedgeProviders
import Testing

@testable import HedgeRouter

@Suite("Settings of clouds")
struct CloudSettingsTests {
    private func endpoint(_ parameters: String, environment: [String: String] = [:]) throws -> Endpoint {
        let text = #"{"model_list": [{"model_name": "m", "litellm_params": {\#(parameters)}}]}"#
        let configuration = try ConfigurationSupport.configuration(text, environment: environment)
        return try #require(configuration.deployments.first).endpoint
    }

    @Test(
        "Addresses follow from region and location",
        arguments: [
            (
                #""model": "bedrock/m", "aws_region_name": "eu-west-1""#,
                "https://bedrock-runtime.eu-west-1.amazonaws.com"
            ),
            (
                #""model": "bedrock/m", "aws_region_name": "cn-north-1""#,
                "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"
            ),
            (#""model": "bedrock/m", "api_base": "https://vpce.example/""#, "https://vpce.example"),
            (#""model": "vertex_ai/m", "vertex_project": "p""#, "https://aiplatform.googleapis.com"),
            (
                #""model": "vertex_ai/m", "vertex_project": "p", "vertex_location": "eu""#,
                "https://aiplatform.eu.rep.googleapis.com"
            ),
            (
                #""model": "vertex_ai/m", "vertex_project": "p", "vertex_location": "us-east5""#,
                "https://us-east5-aiplatform.googleapis.com"
            ),
            (#""model": "gemini/m""#, "https://generativelanguage.googleapis.com"),
        ])
    func addresses(parameters: String, address: String) throws {
        #expect(try endpoint(parameters).baseURL == address)
    }

    @Test("AWS's variables give region and keys, to AWS alone")
    func environmentOfAWS() throws {
        let environment = [
            "AWS_DEFAULT_REGION": "us-west-2", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_SESSION_TOKEN": "token",
        ]
        let keys = SigningKeys(accessKeyID: "id", secretAccessKey: Secret("secret"), sessionToken: Secret("token"))
        let own = try endpoint(#""model": "bedrock/m""#, environment: environment)
        #expect(own.region == "us-west-2")
        #expect(own.signingKeys == keys)
        let other = try endpoint(#""model": "bedrock/m", "api_base": "https://a.example""#, environment: environment)
        #expect(other.signingKeys == nil)
        let openAI = try endpoint(#""model": "openai/m", "api_key": "k""#, environment: environment)
        #expect(openAI.signingKeys == nil)
        #expect(openAI.region == nil)
    }

    @Test("What the configuration gives goes before the environment")
    func precedence() throws {
        let environment = [
            "AWS_BEARER_TOKEN_BEDROCK": "bearer", "AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-west-2",
        ]
        let given = try endpoint(
            #""model": "bedrock/m", "aws_access_key_id": "a", "aws_secret_access_key": "b", "aws_region_name": "r""#,
            environment: environment)
        #expect(given.signingKeys == SigningKeys(accessKeyID: "a", secretAccessKey: Secret("b")))
        #expect(given.apiKey == nil)
        #expect(given.region == "r")
        let bearer = try endpoint(#""model": "bedrock/m""#, environment: environment)
        #expect(bearer.apiKey == Secret("bearer"))
        #expect(bearer.signingKeys == nil)
    }

    @Test("Deployments of one model in two regions or projects are two")
    func keys() throws {
        for (name, values) in [("aws_region_name", ["us-east-1", "us-west-2"]), ("vertex_project", ["p", "q"])] {
            let model = name == "vertex_project" ? "vertex_ai/m" : "bedrock/m"
            let entries = values.map {
                #"{"model_name": "m", "litellm_params": {"model": "\#(model)", "api_key": "k", "\#(name)": "\#($0)"}}"#
            }
            let configuration = try ConfigurationSupport.configuration(
                "{\"model_list\": [\(entries.joined(separator: ","))]}")
            #expect(Set(configuration.deployments.map(\.key)).count == 2)
        }
    }
}
