//! What code finds where it runs, whatever holds it.

/// The user inside, whatever it is outside.
pub const USER: u32 = 1000;

/// Where that user is at home, and code runs.
pub const HOME: &str = "/home/sandbox";

/// What the place is called.
pub const NAME: &str = "sandbox";

/// Files of `/etc` that say so, by their names there.
pub const ETC: [(&str, &str); 4] = [
    ("passwd", "sandbox:x:1000:1000::/home/sandbox:/bin/bash\nnobody:x:65534:65534::/nonexistent:/usr/sbin/nologin\n"),
    ("group", "sandbox:x:1000:\nnogroup:x:65534:\n"),
    ("hosts", "127.0.0.1 localhost sandbox\n::1 localhost sandbox\n"),
    ("nsswitch.conf", "passwd: files\ngroup: files\nhosts: files dns\n"),
];
