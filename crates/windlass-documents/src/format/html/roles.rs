//! What each element means to a text.

/// How an element is treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// `h1` to `h6`.
    Heading(u8),
    /// Begins and ends a paragraph.
    Block,
    /// `li`, and the terms and explanations of `dl`.
    Item,
    /// `ul`, `ol`.
    List,
    /// Preformatted text.
    Preformatted,
    Table,
    Row,
    Cell,
    /// `br`.
    Break,
    /// `hr`.
    Rule,
    /// `code` and its like.
    Code,
    /// Dropped together with everything inside.
    Skipped,
    Title,
    Meta,
    /// The tags are dropped, the content stays.
    Transparent,
}

pub(super) fn role(name: &str) -> Role {
    match name {
        "h1" => Role::Heading(1),
        "h2" => Role::Heading(2),
        "h3" => Role::Heading(3),
        "h4" => Role::Heading(4),
        "h5" => Role::Heading(5),
        "h6" => Role::Heading(6),
        "p" | "div" | "section" | "article" | "main" | "header" | "aside" | "figure" | "figcaption" | "blockquote"
        | "details" | "summary" | "address" | "form" | "fieldset" | "legend" | "center" | "hgroup" | "search"
        | "dl" | "dt" | "dd" | "caption" | "body" | "html" => Role::Block,
        "li" => Role::Item,
        "ul" | "ol" | "menu" | "dir" => Role::List,
        "pre" | "listing" | "xmp" | "plaintext" => Role::Preformatted,
        "table" => Role::Table,
        "tr" => Role::Row,
        "td" | "th" => Role::Cell,
        "br" => Role::Break,
        "hr" => Role::Rule,
        "code" | "kbd" | "samp" | "tt" => Role::Code,
        // What every page of a site has says nothing of this one.
        "nav" | "footer" => Role::Skipped,
        "script" | "style" | "template" | "svg" | "math" | "iframe" | "object" | "canvas" | "audio" | "video"
        | "textarea" | "select" | "button" | "noembed" | "noframes" | "frameset" | "dialog" | "noscript" => {
            Role::Skipped
        }
        "title" => Role::Title,
        "meta" | "time" => Role::Meta,
        _ => Role::Transparent,
    }
}
