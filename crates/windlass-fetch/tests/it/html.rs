use std::time::{Duration, Instant};

use windlass_fetch::{markdown, text};

fn md(html: &str) -> String {
    markdown(html, &"https://docs.example.com/guide/page".parse().unwrap()).text
}

const PAGE: &str = r##"<!doctype html><html><head><title>
  The   Guide &amp; more</title><style>p { color: red }</style><script>alert("</p>")</script></head>
<body><nav><a href="/">Home</a> <a href="#top">Top</a></nav>
<h1>Guide</h1>
<p>Some <b>bold</b>, <i>slanted</i> and <code>let x = 1;</code> text with a <a href="../other?a=1&amp;b=2">link</a>.
<p>A paragraph nobody closed
<ul><li>one<li>two <b>strong</b><ul><li>nested</li></ul><li>three</ul>
<ol><li>first</li><li>second</li></ol>
<pre><code class="language-rust">fn main() {
    println!("&lt;hi&gt;");
}
</code></pre>
<blockquote><p>Quoted</p></blockquote>
<table><thead><tr><th>Name<th>Size</tr></thead><tbody><tr><td>a|b<td>1<tr><td>c<td>2</table>
<a href="https://example.com/x"><h2>Linked heading</h2></a>
<img src="pic.png" alt="A picture"><img src="no-alt.png"><br>
<svg><text>not text</text></svg><a href="javascript:alert(1)">plain</a>
</body></html>"##;

#[test]
fn a_page_becomes_markdown() {
    let converted = markdown(PAGE, &"https://docs.example.com/guide/page".parse().unwrap());
    assert_eq!(converted.title.as_deref(), Some("The Guide & more"));
    insta::assert_snapshot!(converted.text);
}

#[test]
fn a_page_becomes_text() {
    insta::assert_snapshot!(text(PAGE).text);
}

#[test]
fn layout_tables_are_no_data() {
    let page = "<table><tr><td><h1>News</h1><p>Story</td><td><p>Side</td></tr></table>";
    assert_eq!(md(page), "# News\n\nStory\n\nSide");
}

/// What breaks parsers: depth, misnesting, repair rules that multiply, quadratic scans.
#[test]
fn hostile_markup_costs_little_and_keeps_its_text() {
    let unclosed: String = (0..20_000).map(|n| format!("<b id={n}>")).collect();
    let options = "<option>x".repeat(50_000);
    let attributes: String = (0..5_000).map(|n| format!(" a{n}")).collect();
    let cells = "<tr><td>x<td>y".repeat(20_000);
    for (name, page) in [
        ("deep", format!("{}end", "<div>".repeat(100_000))),
        ("deep and closed", format!("{}end{}", "<div>".repeat(100_000), "</div>".repeat(100_000))),
        ("deep lists", format!("{}end", "<ul><li>".repeat(30_000))),
        ("deep quotations", format!("{}end", "<blockquote>\n".repeat(100_000))),
        ("deep tables", format!("{}end", "<table><tr><td>".repeat(20_000))),
        (
            "deep foreign",
            format!("{}end", "<svg><foreignObject>".repeat(2)) + &"</foreignObject></svg>".repeat(2) + "end",
        ),
        ("formatting that is reopened", format!("{unclosed}{}end", "<p>".repeat(10_000))),
        ("misnested", format!("{}end", "<b><p></b><i></p></b></i>".repeat(20_000))),
        ("foster parents", format!("{}end", "<table><b>x<tr>y".repeat(20_000))),
        ("siblings to merge", format!("{}end", "<b>x</b>".repeat(50_000))),
        ("options", format!("<select>{options}</select>end")),
        ("attributes", format!("<p{attributes}>end")),
        ("one wide cell", format!("<table><tr><th>{}<th>y{cells}</table>end", "w".repeat(200_000))),
        ("unclosed comment before", "<!-- a --!> end".to_owned()),
    ] {
        let started = Instant::now();
        let markdown = md(&page);
        let plain = text(&page);
        assert!(started.elapsed() < Duration::from_secs(60), "{name} took {:?}", started.elapsed());
        assert!(
            markdown.contains("end") && plain.text.contains("end"),
            "{name}: {:?} {:?}",
            tail(&markdown),
            tail(&plain.text)
        );
        assert!(markdown.len() < page.len() * 12 + 1000, "{name}: {} bytes of {}", markdown.len(), page.len());
    }
}

/// The tokenizer compares each attribute with all before it, so enough of them are a way to buy time. It ends.
#[test]
fn a_page_that_takes_too_long_is_left_half_read() {
    let attributes: String = (0..300_000).map(|n| format!(" a{n}")).collect();
    let converted = text(&format!("before<p{attributes}>after"));
    assert!(converted.incomplete);
    assert_eq!(converted.text, "before");
}

fn tail(text: &str) -> &str {
    &text[text.floor_char_boundary(text.len().saturating_sub(200))..]
}

#[test]
fn broken_markup_is_still_text() {
    for page in [
        "<",
        "<a",
        "<a href=\"",
        "</",
        "<!--",
        "<![CDATA[x",
        "<p",
        "<title>x",
        "<textarea>x",
        "<script>x",
        "&#x110000;",
        "&",
        "\0",
    ] {
        md(page);
        text(page);
    }
    assert_eq!(md("<table>stray<tr><td>x</table>after"), "stray\n\nx\n\nafter");
    assert_eq!(md("<li>alone</li><td>cell</td>"), "alone\n\ncell");
}
