import Glibc
import HedgeSimulation

func logarithm(_ value: Double) -> Double { log(value) }

extension Workload {
    /// The workload with fewer requests.
    func with(requests: Int) -> Workload {
        var copy = self
        copy.requests = requests
        return copy
    }
}
