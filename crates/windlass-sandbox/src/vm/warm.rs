//! What a machine does before it is stored.

use std::time::Duration;

use windlass_guest::client::{Command, GuestClient};

use crate::backend::HOME;

/// Run before a machine is stored, so that no copy reads these programs from its disk again.
const WARM: [&str; 2] =
    ["import json, os, re, subprocess, sys, tempfile", "import traceback, io, pathlib, urllib.request"];
/// How long one of them may take.
const WARMING: Duration = Duration::from_secs(60);

/// Has the machine read what its copies will need. An image may lack any of it.
pub(crate) async fn warm(guest: &GuestClient) {
    for line in WARM {
        let command = Command::new("python3").arg("-c").arg(line).env("HOME", HOME).timeout(WARMING);
        if let Ok(running) = guest.exec(command, WARMING).await {
            let _ = running.wait(WARMING).await;
        }
    }
}
