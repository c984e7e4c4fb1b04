//! What each element means to the tidier.

/// How an element is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// Runs within a line of text. The name it is written under.
    Inline(&'static str),
    /// A box that holds boxes. The name it is written under.
    Block(&'static str),
    /// A box that holds only inline elements: the next box ends it.
    Paragraph(&'static str),
    /// Preformatted text.
    Preformatted,
    /// `ul`, `ol`.
    List(&'static str),
    /// `li`.
    Item,
    /// `table`.
    Table,
    /// `tr`.
    Row,
    /// `td`, `th`.
    Cell(&'static str),
    /// Has no content: `br`, `hr`, `img`.
    Void(&'static str),
    /// Dropped together with everything inside.
    Skipped,
    /// `title`.
    Title,
    /// The tags are dropped, the content stays.
    Transparent,
}

pub(super) fn role(name: &str) -> Role {
    use Role::*;
    match name {
        "a" => Inline("a"),
        "em" | "i" | "cite" | "dfn" => Inline("em"),
        "strong" | "b" => Inline("strong"),
        "code" | "kbd" | "samp" | "tt" => Inline("code"),
        "h1" => Paragraph("h1"),
        "h2" => Paragraph("h2"),
        "h3" => Paragraph("h3"),
        "h4" => Paragraph("h4"),
        "h5" => Paragraph("h5"),
        "h6" => Paragraph("h6"),
        "p" | "dt" | "summary" | "figcaption" | "caption" | "legend" => Paragraph("p"),
        "blockquote" => Block("blockquote"),
        "div" | "section" | "article" | "main" | "header" | "footer" | "nav" | "aside" | "figure" | "dl" | "dd"
        | "details" | "address" | "form" | "fieldset" | "center" | "hgroup" | "search" => Block("div"),
        "pre" | "listing" | "xmp" => Preformatted,
        "ul" | "menu" | "dir" => List("ul"),
        "ol" => List("ol"),
        "li" => Item,
        "table" => Table,
        "tr" => Row,
        "td" => Cell("td"),
        "th" => Cell("th"),
        "br" => Void("br"),
        "hr" => Void("hr"),
        "img" => Void("img"),
        "script" | "style" | "template" | "svg" | "math" | "iframe" | "object" | "canvas" | "audio" | "video"
        | "textarea" | "select" | "noembed" | "noframes" | "frameset" | "dialog" => Skipped,
        "title" => Title,
        _ => Transparent,
    }
}
