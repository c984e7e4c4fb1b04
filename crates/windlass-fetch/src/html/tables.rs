//! Tables without padding. The converter's own pad every cell to the widest of its column, which lets one long cell and
//! many short ones multiply; and they drop the columns of tables that have no header cells, which most have not.

use htmd::{
    Element, HtmlToMarkdownBuilder,
    element_handler::{HandlerResult, Handlers},
};

/// Ends a cell and a row on the way from their handlers to the table's. `tidy` lets no control character of a page pass.
const CELL_END: char = '\u{1f}';
const ROW_END: char = '\u{1e}';

pub(super) fn handlers(builder: HtmlToMarkdownBuilder) -> HtmlToMarkdownBuilder {
    builder
        .add_handler(vec!["td", "th"], |handlers: &dyn Handlers, element: Element| ended(handlers, &element, CELL_END))
        .add_handler(vec!["tr"], |handlers: &dyn Handlers, element: Element| ended(handlers, &element, ROW_END))
        .add_handler(vec!["table"], |handlers: &dyn Handlers, element: Element| {
            let content = handlers.walk_children(element.node).content;
            Some(HandlerResult::from(format!("\n\n{}\n\n", table(&content))))
        })
}

fn ended(handlers: &dyn Handlers, element: &Element, end: char) -> Option<HandlerResult> {
    let mut content = handlers.walk_children(element.node).content;
    content.push(end);
    Some(HandlerResult::from(content))
}

fn table(content: &str) -> String {
    let rows: Vec<Vec<&str>> = content
        .split_terminator(ROW_END)
        .map(|row| row.split(CELL_END).map(str::trim).collect::<Vec<_>>())
        .map(|mut cells| {
            // What follows the last cell's end is the white space between the tags.
            cells.pop();
            cells
        })
        .filter(|cells| cells.iter().any(|cell| !cell.is_empty()))
        .collect();
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    // Cells with lines of their own, or nothing beside them, are a page's layout and no data.
    let layout = columns < 2 || rows.iter().flatten().any(|cell| cell.contains('\n'));
    if layout {
        let cells: Vec<&str> = rows.into_iter().flatten().filter(|cell| !cell.is_empty()).collect();
        return cells.join("\n\n");
    }
    let mut lines: Vec<String> = rows.iter().map(|cells| line(cells)).collect();
    // As many as the first row has: a wide row far below must not widen what stands above it.
    let header = rows.first().map_or(0, Vec::len);
    lines.insert(1, format!("|{}", " --- |".repeat(header)));
    lines.join("\n")
}

fn line(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
    format!("| {} |", cells.join(" | "))
}
