//! Programs whose purpose, or one of whose purposes, is to run code they are given. None has a set of flags that makes
//! it safe, so a rule has to say that it means it.

use super::{Builtin, KNOWN, Verdict};

const fn runs(how: &'static str, names: &'static [&'static str]) -> Builtin {
    Builtin { names, verdict: Verdict::Interpreter(how), ..KNOWN }
}

// Packed by hand: one name a line would hide what belongs together.
#[rustfmt::skip]
pub(super) const TABLE: &[Builtin] = &[
    Builtin {
        names: &[
            "sh", "bash", "rbash", "dash", "ash", "zsh", "ksh", "mksh", "posh", "yash", "fish", "csh", "tcsh",
            "elvish", "nu", "sash", "busybox", "toybox", "pwsh", "xonsh",
        ],
        verdict: Verdict::Shell,
        ..KNOWN
    },
    runs(
        "it is an interpreter: its arguments are a program",
        &[
            "python", "pypy", "ipython", "perl", "ruby", "irb", "pry", "node", "nodejs", "deno", "bun", "php",
            "lua", "luajit", "tclsh", "wish", "expect", "julia", "R", "Rscript", "ghc", "ghci", "runghc", "ocaml",
            "erl", "escript", "elixir", "iex", "scala", "groovy", "kotlin", "java", "jshell", "jrunscript", "jjs",
            "awk", "mawk", "gawk", "nawk", "original-awk", "guile", "scheme", "racket", "sbcl", "clisp", "emacs",
            "emacsclient", "gnuplot", "octave", "dc", "slsh", "ginsh", "dotnet", "mono", "swift", "crystal", "nim",
            "bpftrace", "cowsay", "cowthink", "gimp", "pico8", "rakudo", "raku",
        ],
    ),
    runs(
        "it runs the command in its arguments",
        &[
            "env", "xargs", "parallel", "sudo", "doas", "su", "runuser", "pkexec", "nohup", "timeout", "nice",
            "ionice", "chrt", "taskset", "setsid", "stdbuf", "unshare", "nsenter", "chroot", "fakeroot", "setarch",
            "linux32", "linux64", "i386", "x86_64", "script", "time", "strace", "ltrace", "gdb", "lldb", "valgrind",
            "perf", "watch", "entr", "flock", "start-stop-daemon", "run-parts", "at", "batch", "crontab", "screen",
            "tmux", "dtach", "byobu", "rlwrap", "unbuffer", "cpulimit", "logsave", "capsh", "setpriv", "prlimit",
            "choom", "numactl", "systemd-run", "torify", "torsocks", "proxychains", "proxychains4", "firejail",
            "bwrap", "ld.so", "ld-linux-x86-64.so", "ld-linux-aarch64.so", "ssh-agent", "dbus-run-session",
            "xvfb-run", "catchsegv", "multitime", "hyperfine", "pexec", "facter", "sg", "newgrp", "ksu",
            "softlimit", "chpst", "daemonize",
        ],
    ),
    runs(
        "it starts an editor or pager from which commands can be run",
        &[
            "vi", "vim", "vimdiff", "nvim", "view", "rvim", "rview", "ex", "ed", "red", "nano", "rnano", "pico",
            "joe", "jed", "micro", "kak", "hx", "less", "lesspipe", "more", "most", "pg", "lv", "man", "info",
            "pinfo", "vipw", "vigr", "visudo", "sensible-editor", "sensible-pager", "zless", "zmore", "bzless",
            "bzmore", "xzless", "xzmore", "mutt", "mail", "mailx", "w3m", "lynx", "links", "elinks",
            "select-editor", "journalctl", "systemctl", "service", "loginctl", "machinectl", "xdg-open",
            "run-mailcap",
        ],
    ),
    runs(
        "it builds or installs: the project or package it is pointed at brings its own code",
        &[
            "make", "gmake", "bmake", "cmake", "ctest", "ninja", "meson", "bazel", "buck", "scons", "rake",
            "gradle", "gradlew", "mvn", "mvnw", "ant", "sbt", "npm", "npx", "yarn", "pnpm", "corepack", "pip",
            "pipx", "uv", "uvx", "poetry", "conda", "easy_install", "cargo", "rustup", "rustc", "go", "gem",
            "bundle", "bundler", "composer", "cpan", "cpanm", "dpkg", "rpm", "rpmquery", "rpmverify", "rpmdb",
            "apt", "apt-get", "aptitude", "yum", "dnf", "zypper", "apk", "pacman", "snap", "brew", "port", "nix",
            "nix-shell", "nix-env", "guix", "just", "task", "tox", "nox", "pytest", "mocha", "jest", "eslint",
            "webpack", "vite", "tsc", "tsx", "ts-node", "setup.py", "autoreconf", "configure", "m4", "checkmodule",
            "update-alternatives", "pdflatex", "latex", "xelatex", "lualatex", "tex", "pdftex", "xetex", "luatex",
            "latexmk", "dvips",
        ],
    ),
    runs(
        "it controls containers or machines, and so runs anything",
        &[
            "docker", "docker-compose", "podman", "buildah", "nerdctl", "ctr", "runc", "crun", "lxc", "lxd",
            "incus", "kubectl", "helm", "k3s", "minikube", "oc", "virsh", "qemu-system-x86_64", "qemu-x86_64",
            "ansible", "ansible-playbook", "ansible-test", "terraform", "tofu", "pulumi", "vagrant", "packer",
            "puppet", "chef-client", "salt-call", "salt", "gcloud", "certbot", "logrotate", "openvpn", "nginx",
            "apache2ctl", "varnishd", "insmod", "modprobe",
        ],
    ),
    runs(
        "its own command language can run programs or read and write any file",
        &[
            "mysql", "mariadb", "psql", "sqlite3", "sqlite", "mongo", "mongosh", "redis-cli", "clickhouse-client",
            "duckdb", "smbclient", "ftp", "lftp", "tftp", "sftp", "psftp", "telnet", "rlogin", "rsh", "mosh",
            "autossh", "sshpass", "scp", "ssh", "ncftp", "nc", "ncat", "netcat", "socat", "nmap", "tshark",
            "wireshark", "msfconsole", "openssl", "gs", "ghostscript", "ffmpeg", "ffprobe", "convert", "magick",
            "identify", "mogrify", "pandoc", "mtr", "yq", "gpg", "gpg2", "restic", "rclone", "hping3", "sqlmap",
            "irssi", "weechat", "screenfetch", "neofetch", "fastfetch", "debugfs", "cdrecord",
        ],
    ),
];
