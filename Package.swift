// swift-tools-version: 6.2
import PackageDescription

// Language settings every Swift target shares.
let common: [SwiftSetting] = [
    .swiftLanguageMode(.v6),
    .treatAllWarnings(as: .error),
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    // A violation of exclusive access is a defect that tests find; in a program of somebody else the check would cost
    // a tenth of all time and end that program.
    .unsafeFlags(["-enforce-exclusivity=unchecked"], .when(configuration: .release)),
    .unsafeFlags(["-cross-module-optimization"], .when(configuration: .release)),
]

// The library stays clear of the regular expressions that a search for a String in a String would link: 1.3 MB.
let library: [SwiftSetting] =
    common + [.unsafeFlags(["-Xfrontend", "-disable-implicit-string-processing-module-import"])]

// The targets that decide and decode touch no raw memory, and the compiler proves it.
let pure: [SwiftSetting] = library + [.strictMemorySafety()]

// Whole-module optimisation across targets, so that the pure core costs nothing for being a module of its own.
let exportFlags: [LinkerSetting] = [
    .unsafeFlags(
        [
            // Gold, the default of the toolchain, puts local Swift symbols into the dynamic table; lld does not.
            "-use-ld=lld",
            "-static-stdlib",
            "-Xlinker", "--version-script=\(Context.packageDirectory)/Sources/HedgeExport/hedgerouter.map",
            "-Xlinker", "-soname=libhedgerouter.so.0",
            "-Xlinker", "-z", "-Xlinker", "defs",
            "-Xlinker", "-z", "-Xlinker", "nodelete",
            "-Xlinker", "--gc-sections",
        ],
        // Sanitizer builds need undefined symbols that only the final program resolves.
        .when(configuration: .release)
    )
]

let package = Package(
    name: "hedgerouter",
    products: [
        .library(name: "hedgerouter", type: .dynamic, targets: ["HedgeExport"])
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0")
    ],
    targets: [
        .systemLibrary(name: "CHedgeRouter", path: "include"),
        .systemLibrary(
            name: "CCurl", path: "Sources/CCurl", pkgConfig: "libcurl", providers: [.apt(["libcurl4-openssl-dev"])]),
        .systemLibrary(name: "CLinux", path: "Sources/CLinux"),
        .systemLibrary(
            name: "CJansson", path: "Sources/CJansson", pkgConfig: "jansson", providers: [.apt(["libjansson-dev"])]),

        .target(
            name: "HedgeCore",
            dependencies: [
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: pure
        ),
        .target(name: "HedgeJSON", dependencies: ["CJansson"], swiftSettings: library),
        .target(name: "HedgeProviders", dependencies: ["HedgeJSON", "HedgeCore"], swiftSettings: pure),
        .target(name: "HedgeTransport", dependencies: ["CCurl", "CLinux", "HedgeJSON"], swiftSettings: library),
        .target(
            name: "HedgeRouter",
            dependencies: [
                "CLinux", "HedgeCore", "HedgeJSON", "HedgeProviders", "HedgeTransport",
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: library
        ),
        .target(name: "HedgeABI", dependencies: ["CHedgeRouter", "HedgeRouter"], swiftSettings: library),
        .target(
            name: "HedgeExport", dependencies: ["HedgeABI"], exclude: ["hedgerouter.map"], swiftSettings: library,
            linkerSettings: exportFlags
        ),

        .target(
            name: "HedgeSimulation",
            dependencies: [
                "HedgeCore", "HedgeJSON",
                .product(name: "HeapModule", package: "swift-collections"),
                .product(name: "DequeModule", package: "swift-collections"),
            ],
            swiftSettings: pure
        ),
        .executableTarget(
            name: "hedgesim", dependencies: ["HedgeSimulation", "HedgeCore", "HedgeJSON"], swiftSettings: common),

        .testTarget(name: "HedgeCoreTests", dependencies: ["HedgeCore"], swiftSettings: common),
        .testTarget(name: "HedgeJSONTests", dependencies: ["HedgeJSON"], swiftSettings: common),
        .testTarget(
            name: "HedgeProvidersTests", dependencies: ["HedgeProviders", "HedgeCore", "HedgeJSON"],
            swiftSettings: common),
        .testTarget(
            name: "HedgeTransportTests", dependencies: ["HedgeTransport", "HedgeJSON", "CCurl"], swiftSettings: common),
        .testTarget(
            name: "HedgeSimulationTests", dependencies: ["HedgeSimulation", "HedgeCore"], swiftSettings: common),
        .testTarget(
            name: "HedgeRouterTests",
            dependencies: ["HedgeRouter", "HedgeCore", "HedgeJSON", "HedgeProviders", "HedgeTransport"],
            swiftSettings: common
        ),
    ]
)
