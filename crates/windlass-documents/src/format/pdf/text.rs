//! The contents of a page, run for the text they show.

use std::{collections::HashMap, rc::Rc};

use lopdf::{Dictionary, Object, ObjectId};

use crate::Refused;

use super::{
    file::File,
    font::Font,
    glyph::Glyphs,
    layout::{Layout, Place},
    lexer::{Item, Lexer, is_space},
    pages::Page,
};

/// Forms within forms.
const MAX_FORMS: usize = 8;
/// Operands that are kept; no operator has more.
const MAX_OPERANDS: usize = 40;
/// States that are kept for later.
const MAX_STATES: usize = 256;
/// Entries in the tables of all fonts together.
const MAX_WEIGHT: usize = 1_000_000;
/// Contents of one page: streams of one page are one text.
const MAX_CONTENTS: usize = 64 << 20;

type Matrix = [f32; 6];
const IDENTITY: Matrix = [1.0, 0.0, 0.0, 1.0, 0.0, 0.0];

fn multiply(a: &Matrix, b: &Matrix) -> Matrix {
    [
        a[0] * b[0] + a[1] * b[2],
        a[0] * b[1] + a[1] * b[3],
        a[2] * b[0] + a[3] * b[2],
        a[2] * b[1] + a[3] * b[3],
        a[4] * b[0] + a[5] * b[2] + b[4],
        a[4] * b[1] + a[5] * b[3] + b[5],
    ]
}

/// Runs contents.
pub(super) struct Interpreter<'a> {
    file: &'a File<'a>,
    glyphs: Glyphs,
    /// Fonts by the object they are.
    fonts: HashMap<ObjectId, Option<Rc<Font>>>,
    /// What all fonts take together.
    weight: usize,
}

#[derive(Clone)]
struct State {
    matrix: Matrix,
    font: Option<Rc<Font>>,
    size: f32,
    character_space: f32,
    word_space: f32,
    scale: f32,
    leading: f32,
}

struct Run<'r> {
    state: State,
    states: Vec<State>,
    text: Matrix,
    line: Matrix,
    resources: &'r Dictionary,
    /// Fonts of these resources by name.
    named: HashMap<Vec<u8>, Option<Rc<Font>>>,
}

impl<'a> Interpreter<'a> {
    pub fn new(file: &'a File<'a>) -> Self {
        Self { file, glyphs: Glyphs::new(), fonts: HashMap::new(), weight: 0 }
    }

    /// Shows the text of a page.
    pub fn page(&mut self, page: &Page, layout: &mut Layout) -> Result<(), Refused> {
        let mut contents = Vec::new();
        let streams = match self.file.value(&page.dictionary, b"Contents")? {
            Object::Array(streams) => streams,
            stream => vec![stream],
        };
        for stream in streams {
            let Object::Stream(stream) = self.file.resolve(&stream)? else { continue };
            if let Some(data) = self.file.data(&stream)? {
                if contents.len() + data.len() > MAX_CONTENTS {
                    return Err(Refused::TooLarge("PDF: the contents of a page".to_owned()));
                }
                contents.extend_from_slice(&data);
                contents.push(b'\n');
            }
        }
        self.run(&contents, &page.resources, IDENTITY, 0, layout)
    }

    fn run(
        &mut self,
        contents: &[u8],
        resources: &Dictionary,
        matrix: Matrix,
        depth: usize,
        layout: &mut Layout,
    ) -> Result<(), Refused> {
        let state =
            State { matrix, font: None, size: 0.0, character_space: 0.0, word_space: 0.0, scale: 1.0, leading: 0.0 };
        let mut run =
            Run { state, states: Vec::new(), text: IDENTITY, line: IDENTITY, resources, named: HashMap::new() };
        let mut lexer = Lexer::contents(contents, self.file.budget);
        let mut operands: Vec<Object> = Vec::new();
        while !layout.is_full() {
            match lexer.next()? {
                Item::End => break,
                Item::Object(object) => {
                    if operands.len() < MAX_OPERANDS {
                        operands.push(object);
                    }
                }
                Item::Word(word) => {
                    match word.as_slice() {
                        b"ID" => skip_image(&mut lexer),
                        b"Do" => self.form(&run, &operands, depth, layout)?,
                        b"Tf" => self.font(&mut run, &operands)?,
                        word => run.operator(word, &operands, layout),
                    }
                    operands.clear();
                    lexer.fresh();
                }
            }
        }
        Ok(())
    }

    /// Drawings that are kept apart may have text.
    fn form(&mut self, run: &Run, operands: &[Object], depth: usize, layout: &mut Layout) -> Result<(), Refused> {
        let Some(Object::Name(name)) = operands.last() else { return Ok(()) };
        if depth >= MAX_FORMS {
            return Ok(());
        }
        let Object::Dictionary(forms) = self.file.value(run.resources, b"XObject")? else { return Ok(()) };
        let Object::Stream(form) = self.file.value(&forms, name)? else { return Ok(()) };
        if !form.dict.get(b"Subtype").and_then(Object::as_name).is_ok_and(|kind| kind == b"Form") {
            return Ok(());
        }
        let Some(contents) = self.file.data(&form)? else { return Ok(()) };
        let matrix = match self.file.value(&form.dict, b"Matrix")? {
            Object::Array(values) => matrix(&values).unwrap_or(IDENTITY),
            _ => IDENTITY,
        };
        let matrix = multiply(&matrix, &run.state.matrix);
        match self.file.value(&form.dict, b"Resources")? {
            Object::Dictionary(own) => self.run(&contents, &own, matrix, depth + 1, layout),
            _ => self.run(&contents, run.resources, matrix, depth + 1, layout),
        }
    }

    fn font(&mut self, run: &mut Run, operands: &[Object]) -> Result<(), Refused> {
        let [.., Object::Name(name), size] = operands else { return Ok(()) };
        run.state.size = size.as_float().unwrap_or(0.0);
        if let Some(known) = run.named.get(name) {
            run.state.font.clone_from(known);
            return Ok(());
        }
        let font = match self.file.value(run.resources, b"Font")? {
            Object::Dictionary(fonts) => match fonts.get(name) {
                Ok(font) => self.read_font(font)?,
                Err(_) => None,
            },
            _ => None,
        };
        run.named.insert(name.clone(), font.clone());
        run.state.font = font;
        Ok(())
    }

    fn read_font(&mut self, font: &Object) -> Result<Option<Rc<Font>>, Refused> {
        let id = font.as_reference().ok();
        if let Some(known) = id.and_then(|id| self.fonts.get(&id)) {
            return Ok(known.clone());
        }
        let read = match self.file.resolve(font)? {
            Object::Dictionary(font) => Some(Rc::new(Font::read(self.file, &font, &mut self.glyphs)?)),
            _ => None,
        };
        self.weight += read.as_ref().map_or(0, |font| font.weight());
        if self.weight > MAX_WEIGHT {
            return Err(Refused::TooLarge("PDF: its fonts".to_owned()));
        }
        if let Some(id) = id {
            self.fonts.insert(id, read.clone());
        }
        Ok(read)
    }
}

fn matrix(values: &[Object]) -> Option<Matrix> {
    let [a, b, c, d, e, f] = values else { return None };
    let mut matrix = IDENTITY;
    for (to, from) in matrix.iter_mut().zip([a, b, c, d, e, f]) {
        *to = from.as_float().ok()?;
    }
    Some(matrix)
}

/// The data of an image within the contents, up to its `EI`.
fn skip_image(lexer: &mut Lexer) {
    let rest = lexer.data.get(lexer.at..).unwrap_or_default();
    let end = rest.windows(4).position(|window| is_space(window[0]) && &window[1..3] == b"EI" && is_space(window[3]));
    lexer.at = end.map_or(lexer.data.len(), |end| lexer.at + end + 3);
}

impl Run<'_> {
    fn operator(&mut self, operator: &[u8], operands: &[Object], layout: &mut Layout) {
        let number = |index: usize| operands.get(index).and_then(|value| value.as_float().ok()).unwrap_or(0.0);
        match operator {
            b"q" if self.states.len() < MAX_STATES => self.states.push(self.state.clone()),
            b"Q" => {
                if let Some(state) = self.states.pop() {
                    self.state = state;
                }
            }
            b"cm" => {
                if let Some(matrix) = matrix(operands) {
                    self.state.matrix = multiply(&matrix, &self.state.matrix);
                }
            }
            b"BT" => (self.text, self.line) = (IDENTITY, IDENTITY),
            b"Tc" => self.state.character_space = number(0),
            b"Tw" => self.state.word_space = number(0),
            b"Tz" => self.state.scale = number(0) / 100.0,
            b"TL" => self.state.leading = number(0),
            b"Td" => self.next_line(number(0), number(1)),
            b"TD" => {
                self.state.leading = -number(1);
                self.next_line(number(0), number(1));
            }
            b"Tm" => {
                if let Some(matrix) = matrix(operands) {
                    (self.text, self.line) = (matrix, matrix);
                }
            }
            b"T*" => self.next_line(0.0, -self.state.leading),
            b"Tj" => self.show(operands.last(), layout),
            b"'" => {
                self.next_line(0.0, -self.state.leading);
                self.show(operands.last(), layout);
            }
            b"\"" => {
                self.state.word_space = number(0);
                self.state.character_space = number(1);
                self.next_line(0.0, -self.state.leading);
                self.show(operands.last(), layout);
            }
            b"TJ" => {
                let Some(Object::Array(parts)) = operands.last() else { return };
                for part in parts {
                    match part.as_float() {
                        Ok(back) => self.advance(-back / 1000.0 * self.state.size * self.state.scale),
                        Err(_) => self.show(Some(part), layout),
                    }
                }
            }
            _ => {}
        }
    }

    fn next_line(&mut self, x: f32, y: f32) {
        self.line = multiply(&[1.0, 0.0, 0.0, 1.0, x, y], &self.line);
        self.text = self.line;
    }

    fn advance(&mut self, x: f32) {
        self.text = multiply(&[1.0, 0.0, 0.0, 1.0, x, 0.0], &self.text);
    }

    fn place(&self) -> (f32, f32) {
        let matrix = multiply(&self.text, &self.state.matrix);
        (matrix[4], matrix[5])
    }

    fn show(&mut self, string: Option<&Object>, layout: &mut Layout) {
        let (Some(Ok(bytes)), Some(font)) = (string.map(Object::as_str), self.state.font.clone()) else { return };
        let start = self.place();
        let matrix = multiply(&self.text, &self.state.matrix);
        let height = (self.state.size * (matrix[2].powi(2) + matrix[3].powi(2)).sqrt()).abs();
        let mut text = String::new();
        let mut width = 0.0;
        for shown in font.shown(bytes) {
            text.push_str(shown.text.as_deref().unwrap_or(""));
            let word = if shown.space { self.state.word_space } else { 0.0 };
            width += (shown.width * self.state.size + self.state.character_space + word) * self.state.scale;
        }
        self.advance(width);
        layout.show(&text, Place { start, end: self.place(), height });
    }
}
