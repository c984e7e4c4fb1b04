//! What comes back of code: output while it runs, images, text that was cut.

use serde_json::{Value, json};

use super::{ALONE, bubblewrap};
use crate::{
    house::House,
    wire::{Client, MODERN, text},
};

/// Writes an image of one pixel, by hand: no library is needed for that.
const PIXEL: &str = r"
import base64
image = base64.b64decode('iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==')
";

#[test]
fn images_that_code_makes_come_back_as_images() {
    if !bubblewrap("images") {
        return;
    }
    let house = House::start(ALONE);
    let client = Client::new(house.addr(), MODERN);
    let run = |mut arguments: Value, code: &str| {
        arguments["language"] = "python".into();
        arguments["code"] = format!("{PIXEL}{code}").into();
        client.call("run_code", arguments)
    };
    let images = |result: &Value| -> Vec<Value> {
        let blocks = result["content"].as_array().unwrap_or_else(|| panic!("{result}"));
        blocks.iter().filter(|block| block["type"] == "image").cloned().collect()
    };
    let once = run(json!({}), "open('plot.png', 'wb').write(image)\nopen('notes.txt', 'w').write('x')");
    let [image] = images(&once).try_into().unwrap_or_else(|_| panic!("{once}"));
    assert_eq!(image["mimeType"], "image/png");
    assert!(PIXEL.contains(image["data"].as_str().unwrap()), "{image}");
    assert_eq!(once["structuredContent"]["images"], json!(["/home/sandbox/plot.png"]));

    // In a sandbox that stays, only what is new; links are no images, and neither is what is too big.
    let id = client.call("create_sandbox", json!({}))["structuredContent"]["sandbox_id"].clone();
    let stays = json!({ "sandbox_id": id });
    assert_eq!(images(&run(stays.clone(), "open('a.png', 'wb').write(image)")).len(), 1);
    assert_eq!(images(&run(stays.clone(), "")).len(), 0);
    let tricks = "import os\nos.symlink('/etc/passwd', 'b.png')\nos.mkfifo('c.png')\nos.mkdir('d.png')\n\
                  open('e.png', 'wb').write(image * 40000)\nopen('f.png', 'wb')";
    assert_eq!(images(&run(stays.clone(), tricks)).len(), 0);
    let many = "for i in range(9): open(f'{i}.png', 'wb').write(image)";
    assert_eq!(images(&run(stays, many)).len(), 4);
}

#[test]
fn output_is_told_while_code_runs() {
    if !bubblewrap("progress") {
        return;
    }
    let house = House::start(ALONE);
    let client = Client::new(house.addr(), MODERN).header("accept", "application/json, text/event-stream");
    let code = "import time\nprint('first', flush=True)\ntime.sleep(2)\nprint('second')";
    let call = json!({ "name": "run_code", "arguments": { "language": "python", "code": code } });
    let (headers, mut body) = client.request("tools/call", call);
    body["params"]["_meta"]["progressToken"] = "p".into();
    let answer = client.exchange(&headers, &body).unwrap();
    let told = answer.text();
    let news = told.lines().find(|line| line.contains("notifications/progress") && line.contains("first"));
    assert!(news.is_some_and(|news| !news.contains("second")), "{told}");
    assert_eq!(answer.json()["result"]["structuredContent"]["stdout"], "first\nsecond\n");
}

#[test]
fn text_that_is_cut_is_whole_characters_and_the_rest_waits_behind_a_handle() {
    if !bubblewrap("long output") {
        return;
    }
    let house = House::start(ALONE);
    let client = Client::new(house.addr(), MODERN);
    // Wherever the cuts are, one of these puts them into the middle of a character.
    for shift in 0..4 {
        let code = format!("print('x' * {shift} + '😀' * 100_000, end='')");
        let ran = client.call("run_code", json!({ "language": "python", "code": code }));
        let shown = ran["structuredContent"]["stdout"].as_str().unwrap_or_else(|| panic!("{ran}"));
        assert!(!shown.contains('\u{fffd}') && shown.contains('😀'), "{}", &shown[shown.len() - 200..]);
        assert_eq!(ran["structuredContent"]["stdout_bytes"], 400_000 + shift, "shift {shift}");
        assert_eq!(ran["structuredContent"]["stdout_truncated"], true);
        let handle = ran["structuredContent"]["stdout_handle"].as_str().unwrap_or_else(|| panic!("{ran}"));
        let rest = client.call("read_output", json!({ "handle": handle, "limit": 1000 }));
        assert!(text(&rest).contains('😀') && !text(&rest).contains('\u{fffd}'), "{rest}");
    }
}
