/// The checksum of gzip and PNG (ISO 3309), in the reflected form.
public enum CRC32 {
    private static let table: [UInt32] = (0..<256).map { byte in
        var value = UInt32(byte)
        for _ in 0..<8 { value = value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xedb8_8320 }
        return value
    }

    /// The checksum of `bytes`.
    public static func checksum(_ bytes: Span<UInt8>) -> UInt32 {
        let table = table
        var value: UInt32 = 0xffff_ffff
        for index in bytes.indices {
            value = value >> 8 ^ table[Int((value ^ UInt32(bytes[index])) & 0xff)]
        }
        return value ^ 0xffff_ffff
    }

    /// The checksum as eight hexadecimal digits.
    public static func digits(_ bytes: Span<UInt8>) -> String {
        let digits = String(checksum(bytes), radix: 16)
        return String(repeating: "0", count: max(0, 8 - digits.count)) + digits
    }
}
