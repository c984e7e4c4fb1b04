//! Pictures of people and of tools.

use serde_json::json;
use windlass_agent::{
    conversation::{Block, Content, Image, Message, Role, ToolResult},
    models::Provider,
};
use windlass_testkit::models::{Piece, Turn};

use super::bench::{PROVIDERS, ask, started, text, user};

/// One red pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==";

fn image(media_type: &str) -> Image {
    Image { media_type: media_type.to_owned(), data: PNG.to_owned() }
}

#[tokio::test]
async fn a_model_sees_what_people_and_tools_show_it() {
    for provider in PROVIDERS {
        let (standin, model) =
            started(provider, vec![Turn::call("weather", json!({ "zone": "A" })), Turn::text("Red.")]).await;
        let mut messages = vec![user(vec![text("What is it?"), Block::Image(image("image/png"))])];
        let reply = ask(model.as_ref(), &messages).await.0.unwrap();
        let Block::ToolUse(call) = &reply.blocks[0] else { panic!("{reply:?}") };
        let content = vec![
            Content::Text { text: "a map".to_owned() },
            Content::Image(image("image/png")),
            Content::Image(image("image/svg+xml")),
        ];
        let result = ToolResult { id: call.id.clone(), content, is_error: false };
        messages.push(Message { role: Role::Assistant, blocks: reply.blocks.clone() });
        messages.push(user(vec![Block::ToolResult(result)]));
        ask(model.as_ref(), &messages).await.0.unwrap();
        assert_eq!(standin.violations(), [""; 0], "{provider}");
        let asked = standin.asked();
        let picture = Piece::Image { media_type: "image/png".to_owned(), bytes: Some(70) };
        assert_eq!(asked[0].messages[0].pieces, [Piece::Text("What is it?".to_owned()), picture.clone()], "{provider}");
        let unseen = "(an image of the type image/svg+xml, which you cannot see)";
        let pieces = &asked[1].messages[2].pieces;
        let Piece::ToolResult { pieces: inner, .. } = &pieces[0] else { panic!("{pieces:?}") };
        match provider {
            // Text alone in the answer of a tool; what is to be seen follows.
            Provider::Openai => {
                assert_eq!(inner, &[Piece::Text(format!("a map\n\n{unseen}"))]);
                let of = Piece::Text(format!("Images of the tool call {}:", call.id));
                assert_eq!(pieces[1..], [of, picture]);
            }
            _ => assert_eq!(inner, &[Piece::Text("a map".to_owned()), picture, Piece::Text(unseen.to_owned())]),
        }
    }
}
