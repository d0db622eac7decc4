import HedgeJSON

/// The hash SHA-256 (FIPS 180-4), fed in pieces.
struct SHA256 {
    private var rounds = SHA256Rounds()
    /// The beginning of a block whose end has not come, and how much of it is there.
    private var block = InlineArray<64, UInt8>(repeating: 0)
    private var filled = 0
    private var byteCount: UInt64 = 0

    /// The hash of `bytes`, 32 bytes.
    static func hash(_ bytes: Span<UInt8>) -> [UInt8] {
        var hash = SHA256()
        hash.update(bytes)
        return hash.finish()
    }

    /// Takes the next bytes.
    mutating func update(_ bytes: Span<UInt8>) {
        byteCount &+= UInt64(bytes.count)
        var position = 0
        if filled > 0 {
            position = fill(bytes, from: 0)
            guard filled == 64 else { return }
            compressBlock()
        }
        while bytes.count - position >= 64 {
            rounds.compress(bytes, at: position)
            position += 64
        }
        _ = fill(bytes, from: position)
    }

    /// Fills up the block; returns the place after what went into it.
    private mutating func fill(_ bytes: Span<UInt8>, from start: Int) -> Int {
        let end = min(start + 64 - filled, bytes.count)
        for place in start..<end {
            block[filled] = bytes[place]
            filled += 1
        }
        return end
    }

    private mutating func compressBlock() {
        rounds.compress(block.span, at: 0)
        filled = 0
    }

    /// The hash of everything taken, 32 bytes.
    func finish() -> [UInt8] {
        var hash = self
        hash.pad()
        return hash.rounds.digest
    }

    /// Ends the message: a bit, zeros up to the last 8 bytes of a block, and its length in bits.
    private mutating func pad() {
        block[filled] = 0x80
        filled += 1
        if filled > 56 {
            for place in filled..<64 { block[place] = 0 }
            compressBlock()
        }
        for place in filled..<56 { block[place] = 0 }
        for place in 0..<8 {
            block[56 + place] = UInt8(truncatingIfNeeded: (byteCount &* 8) >> UInt64(56 - 8 * place))
        }
        compressBlock()
    }
}

/// The state of SHA-256 between two blocks.
private struct SHA256Rounds {
    private var state = SIMD8<UInt32>(
        0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19)

    /// The fractional parts of the cube roots of the first 64 primes.
    private static let constants: [UInt32] = [
        0x428a_2f98, 0x7137_4491, 0xb5c0_fbcf, 0xe9b5_dba5, 0x3956_c25b, 0x59f1_11f1, 0x923f_82a4, 0xab1c_5ed5,
        0xd807_aa98, 0x1283_5b01, 0x2431_85be, 0x550c_7dc3, 0x72be_5d74, 0x80de_b1fe, 0x9bdc_06a7, 0xc19b_f174,
        0xe49b_69c1, 0xefbe_4786, 0x0fc1_9dc6, 0x240c_a1cc, 0x2de9_2c6f, 0x4a74_84aa, 0x5cb0_a9dc, 0x76f9_88da,
        0x983e_5152, 0xa831_c66d, 0xb003_27c8, 0xbf59_7fc7, 0xc6e0_0bf3, 0xd5a7_9147, 0x06ca_6351, 0x1429_2967,
        0x27b7_0a85, 0x2e1b_2138, 0x4d2c_6dfc, 0x5338_0d13, 0x650a_7354, 0x766a_0abb, 0x81c2_c92e, 0x9272_2c85,
        0xa2bf_e8a1, 0xa81a_664b, 0xc24b_8b70, 0xc76c_51a3, 0xd192_e819, 0xd699_0624, 0xf40e_3585, 0x106a_a070,
        0x19a4_c116, 0x1e37_6c08, 0x2748_774c, 0x34b0_bcb5, 0x391c_0cb3, 0x4ed8_aa4a, 0x5b9c_ca4f, 0x682e_6ff3,
        0x748f_82ee, 0x78a5_636f, 0x84c8_7814, 0x8cc7_0208, 0x90be_fffa, 0xa450_6ceb, 0xbef9_a3f7, 0xc671_78f2,
    ]

    /// The state as 32 bytes.
    var digest: [UInt8] {
        var digest: [UInt8] = []
        digest.reserveCapacity(32)
        for word in 0..<8 {
            for shift in stride(from: UInt32(24), through: 0, by: -8) {
                digest.append(UInt8(truncatingIfNeeded: state[word] >> shift))
            }
        }
        return digest
    }

    @inline(__always)
    private static func word(_ bytes: Span<UInt8>, _ place: Int) -> UInt32 {
        UInt32(bytes[place]) << 24 | UInt32(bytes[place + 1]) << 16 | UInt32(bytes[place + 2]) << 8
            | UInt32(bytes[place + 3])
    }

    @inline(__always)
    private static func rotate(_ value: UInt32, _ count: UInt32) -> UInt32 {
        value >> count | value << (32 - count)
    }

    /// Works the 64 bytes at `place` into the state.
    mutating func compress(_ bytes: Span<UInt8>, at place: Int) {
        var schedule = InlineArray<64, UInt32>(repeating: 0)
        for index in 0..<16 { schedule[index] = Self.word(bytes, place + 4 * index) }
        for index in 16..<64 {
            let near = schedule[index - 2]
            let far = schedule[index - 15]
            let sigma1 = Self.rotate(near, 17) ^ Self.rotate(near, 19) ^ near >> 10
            let sigma0 = Self.rotate(far, 7) ^ Self.rotate(far, 18) ^ far >> 3
            schedule[index] = sigma1 &+ schedule[index - 7] &+ sigma0 &+ schedule[index - 16]
        }
        let constants = Self.constants
        var a = state[0]
        var b = state[1]
        var c = state[2]
        var d = state[3]
        var e = state[4]
        var f = state[5]
        var g = state[6]
        var h = state[7]
        for index in 0..<64 {
            let sum1 = Self.rotate(e, 6) ^ Self.rotate(e, 11) ^ Self.rotate(e, 25)
            let first = h &+ sum1 &+ (e & f ^ ~e & g) &+ constants[index] &+ schedule[index]
            let sum0 = Self.rotate(a, 2) ^ Self.rotate(a, 13) ^ Self.rotate(a, 22)
            let second = sum0 &+ (a & b ^ a & c ^ b & c)
            h = g
            g = f
            f = e
            e = d &+ first
            d = c
            c = b
            b = a
            a = first &+ second
        }
        state &+= SIMD8(a, b, c, d, e, f, g, h)
    }
}

/// The keyed hash HMAC over SHA-256 (RFC 2104).
enum HMACSHA256 {
    /// The code of `message` under `key`, 32 bytes.
    static func code(key: [UInt8], message: [UInt8]) -> [UInt8] {
        let key = key.count > 64 ? SHA256.hash(key.span) : key
        var inner = begin(key, mask: 0x36)
        inner.update(message.span)
        let innerHash = inner.finish()
        var outer = begin(key, mask: 0x5c)
        outer.update(innerHash.span)
        return outer.finish()
    }

    /// A hash that has taken the key, as long as a block.
    private static func begin(_ key: [UInt8], mask: UInt8) -> SHA256 {
        var block = InlineArray<64, UInt8>(repeating: mask)
        for (place, byte) in key.enumerated() { block[place] = byte ^ mask }
        var hash = SHA256()
        hash.update(block.span)
        return hash
    }
}

/// Bytes as lower-case hexadecimal digits.
enum Hexadecimal {
    /// The digits of `bytes`.
    static func text(_ bytes: [UInt8]) -> String {
        var digits: [UInt8] = []
        digits.reserveCapacity(bytes.count * 2)
        append(bytes, to: &digits)
        return String(decoding: digits, as: UTF8.self)
    }

    /// Appends the digits of `bytes`.
    static func append(_ bytes: [UInt8], to digits: inout [UInt8]) {
        for byte in bytes {
            digits.append(digit(byte >> 4))
            digits.append(digit(byte & 15))
        }
    }

    private static func digit(_ nibble: UInt8) -> UInt8 { nibble < 10 ? nibble + 48 : nibble + 87 }
}
