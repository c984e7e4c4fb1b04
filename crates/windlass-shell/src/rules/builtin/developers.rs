//! Compilers, version control other than git, and what developers keep at hand.

use super::{Builtin, KNOWN, Verdict};
use crate::rules::flags::Spelling;

pub(super) const TABLE: &[Builtin] = &[
    Builtin {
        names: &["gcc", "g++", "cc", "c++", "c89", "c99", "cpp", "clang", "clang++", "gfortran", "cobc", "tcc"],
        verdict: Verdict::Without(&[
            "-wrapper",
            "-B*",
            "-specs*",
            "-fplugin*",
            "-Xclang",
            "-Xassembler",
            "-Xlinker",
            "-Wl*",
            "-Wa*",
            "-load",
        ]),
        operands: &["@*", "-fuse-ld*", "--specs*", "-mllvm"],
        ..KNOWN
    },
    Builtin {
        names: &["ld", "gold", "lld", "as"],
        verdict: Verdict::Without(&["-plugin*", "--plugin*", "-T|--script", "-dynamic-linker*"]),
        operands: &["@*"],
        ..KNOWN
    },
    Builtin {
        names: &["hg"],
        verdict: Verdict::Without(&[
            "--config",
            "--cwd",
            "-R|--repository",
            "--debugger",
            "--ssh",
            "--remotecmd",
            "-t|--tool",
            "--pager",
        ]),
        operands: &["debug*", "serve", "extdiff", "bisect", "ssh:*", "config", "showconfig"],
        ..KNOWN
    },
    Builtin {
        names: &["svn"],
        verdict: Verdict::Without(&[
            "--config-option",
            "--config-dir",
            "--diff-cmd",
            "--diff3-cmd",
            "--editor-cmd",
            "--extensions",
            "-x",
        ]),
        operands: &["svn+*", "propedit", "pedit", "pe"],
        ..KNOWN
    },
    Builtin { names: &["cvs"], verdict: Verdict::Interpreter("it reaches repositories through a shell"), ..KNOWN },
    Builtin {
        names: &["rustfmt", "black", "prettier", "clang-format", "gofmt"],
        verdict: Verdict::Without(&["--config*", "--plugin*", "--config-path", "--style", "-style*", "--assume-*"]),
        ..KNOWN
    },
    Builtin {
        names: &["ctags", "etags"],
        verdict: Verdict::Without(&["--options*", "-L", "--regex*", "--filter-terminator", "--etags-include"]),
        ..KNOWN
    },
    Builtin { names: &["gcov", "gcore", "nasm", "yasm"], spelling: Spelling::GNU, operands: &["@*"], ..KNOWN },
    Builtin {
        names: &["aws"],
        verdict: Verdict::Without(&["--cli-input-*", "--ca-bundle", "--debug"]),
        operands: &["help", "configure", "file:*", "fileb:*"],
        ..KNOWN
    },
    Builtin {
        names: &["gh"],
        verdict: Verdict::Without(&["--web", "--editor"]),
        operands: &["alias", "extension", "codespace", "config", "auth", "browse"],
        ..KNOWN
    },
];
