/// Images and documents in the forms Converse takes.
enum BedrockMedia {
    enum Source {
        case bytes(Base64View)
        case s3(String)
    }

    case image(format: String, Source)
    case document(format: String, name: String, Source)

    /// Nil where the part is neither, or of a form or format that Converse does not take.
    init?(_ part: PartView) {
        switch (part.kind, part.media) {
        case (.image, .data(let type, let base64)):
            guard let format = Self.imageFormats[type] else { return nil }
            self = .image(format: format, .bytes(base64))
        case (.image, .url(let url)):
            guard url.hasPrefix("s3://"), let format = Self.imageFormats["image/\(Self.ending(of: url))"] else {
                return nil
            }
            self = .image(format: format, .s3(url))
        case (.file, .data(let type, let base64)):
            let ending = part.fileName.map(Self.ending) ?? ""
            guard let format = Self.documentFormats[type] ?? Self.documentFormats[ending] else { return nil }
            self = .document(format: format, name: Self.name(part.fileName), .bytes(base64))
        default: return nil
        }
    }

    private static func ending(of name: String) -> String {
        guard let dot = name.lastIndex(of: ".") else { return "" }
        return name[name.index(after: dot)...].lowercased()
    }

    /// The name without its ending, of letters, digits, single spaces and hyphens.
    private static func name(_ name: String?) -> String {
        let name = name ?? ""
        let stem = name.lastIndex(of: ".").map { name[..<$0] } ?? name[...]
        let plain = String(
            decoding: stem.utf8.map { ToolCallID.isLetterOrDigit($0) || $0 == 0x2D ? $0 : 0x20 }, as: UTF8.self)
        let words = plain.split(separator: " ").joined(separator: " ").prefix(190)
        return words.isEmpty ? "document" : String(words)
    }

    private static let imageFormats = [
        "image/png": "png", "image/jpeg": "jpeg", "image/jpg": "jpeg", "image/gif": "gif", "image/webp": "webp",
    ]

    /// By media type and by ending.
    private static let documentFormats = [
        "application/pdf": "pdf", "pdf": "pdf", "text/csv": "csv", "csv": "csv", "text/html": "html", "html": "html",
        "text/plain": "txt", "txt": "txt", "text/markdown": "md", "md": "md", "application/msword": "doc", "doc": "doc",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx", "docx": "docx",
        "application/vnd.ms-excel": "xls", "xls": "xls",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx", "xlsx": "xlsx",
    ]
}
