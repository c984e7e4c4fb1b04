use std::fs;

use insta::assert_snapshot;
use windlass_config::settings::{EmbedderKind, FilesSettings};

use crate::Bench;

/// One collection with this source.
fn source(lines: &str) -> Bench {
    let lines: String = lines.lines().map(|line| format!("          {}\n", line.trim())).collect();
    Bench::new(&format!("knowledge:\n  collections:\n    a:\n      sources:\n        -\n{lines}"))
}

#[test]
fn a_whole_section() {
    let bench = Bench::new(
        "knowledge:\n  collections:\n    handbook:\n      description: How we work\n      sources:\n        - folder: docs\n          exclude: ['drafts/**']\n\
         \x20       - git: https://gitlab.example.com/team/handbook.git\n          branch: main\n          subfolder: src/docs\n\
         \x20         token: env:TOKEN\n          prefix: handbook/\n\
         \x20       - git: mirror\n          prefix: m\n        - s3: s3://bucket/docs/\n          region: eu-west-1\n          prefix: s3\n\
         \x20         link: 'https://docs.example.com/{path}'\n\
         \x20 index:\n    directory: index\n    bucket: windlass-index\n    prefix: a/b/\n\
         \x20 embedder: { kind: openai, url: 'http://127.0.0.1:11434/v1', model: nomic-embed-text }\n\
         \x20 refresh: 1h\n",
    );
    fs::create_dir(bench.folder.path().join("docs")).unwrap();
    fs::create_dir(bench.folder.path().join("mirror")).unwrap();
    let loaded = bench.load().unwrap_or_else(|errors| panic!("{errors}"));
    assert_eq!(loaded.notices, []);
    let knowledge = loaded.settings.knowledge.unwrap();
    let sources = &knowledge.collections["handbook"].sources;
    // Paths are absolute, addresses stay what they are.
    assert_eq!(sources[0].folder.as_deref(), Some(bench.folder.path().join("docs").as_path()));
    assert_eq!(sources[1].git.as_deref(), Some("https://gitlab.example.com/team/handbook.git"));
    assert_eq!(sources[2].git.as_deref(), bench.folder.path().join("mirror").to_str());
    assert_eq!(knowledge.index.directory, Some(bench.folder.path().join("index")));
    assert_eq!((knowledge.embedder.kind, knowledge.keep, knowledge.max_shrink), (EmbedderKind::Openai, 5, 50));
}

#[test]
fn what_a_source_cannot_be() {
    let told: Vec<String> = [
        "prefix: a",
        "folder: .\ngit: https://example.com/x.git",
        "folder: windlass.yaml",
        "git: SET_THIS",
        "git: https://example.com/SET_THIS.git",
        "git: ''",
        "git: git@gitlab.example.com:team/handbook.git",
        "git: ssh://git@gitlab.example.com/team/handbook.git",
        "git: https://oauth2:hunter2@gitlab.example.com/team/handbook.git",
        "git: http://gitlab.example.com/team/handbook.git",
        "git: https://gitlab.example.com/x.git\ntoken: hunter2",
        "git: https://gitlab.example.com/x.git\nbranch: --upload-pack=x\nsubfolder: ../up",
        "s3: https://bucket.s3.amazonaws.com/x/",
        "s3: s3://Bucket_/x/",
        "s3: s3://bucket/x",
        "s3: s3://key:hunter2@bucket/x/",
        "folder: .\ninclude: ['[', '']\nexclude: ['a/{b']",
        "folder: .\nprefix: /abs",
        "folder: .\nlink: 'https://docs.example.com/{file}'",
        "folder: .\nlink: 'https://docs.example.com/'",
        "folder: .\nlink: 'javascript:{path}'",
    ]
    .iter()
    .map(|lines| source(lines).errors())
    .collect();
    let told = told.join("\n");
    assert!(!told.contains("hunter2"), "{told}");
    assert_snapshot!(told, @r"
    windlass.yaml:6:11: knowledge.collections.a.sources[0]: nothing says where it is
      6 |           prefix: a
        |           ^
      hint: set one of `folder`, `git` and `s3`
    windlass.yaml:6:11: knowledge.collections.a.sources[0]: it is more than one thing
      6 |           folder: .
        |           ^
      hint: keep one of `folder`, `git` and `s3`; add a source for each
    windlass.yaml:6:19: knowledge.collections.a.sources[0].folder: windlass.yaml is a file
      6 |           folder: windlass.yaml
        |                   ^
      hint: name a directory
    windlass.yaml:6:16: knowledge.collections.a.sources[0].git: nobody has said yet which repository it is
      6 |           git: SET_THIS
        |                ^
      hint: write `https://gitlab.example.com/team/handbook.git`, or a path
    windlass.yaml:6:16: knowledge.collections.a.sources[0].git: nobody has said yet which repository it is
      6 |           git: https://example.com/SET_THIS.git
        |                ^
      hint: write `https://gitlab.example.com/team/handbook.git`, or a path
    windlass.yaml:6:16: knowledge.collections.a.sources[0].git: nobody has said yet which repository it is
      6 |           git: ''
        |                ^
      hint: write `https://gitlab.example.com/team/handbook.git`, or a path
    windlass.yaml:6:16: knowledge.collections.a.sources[0].git: repositories are not read over SSH here
      6 |           git: git@gitlab.example.com:team/handbook.git
        |                ^
      hint: write https://..., and where its token is under `token`
    windlass.yaml:6:16: knowledge.collections.a.sources[0].git: `ssh:` is not how repositories are read here
      6 |           git: ssh://********@gitlab.example.com/team/handbook.git
        |                ^
      hint: write https://..., and where its token is under `token`
    windlass.yaml:6:16: knowledge.collections.a.sources[0].git: a user name or password does not belong into a URL here
      6 |           git: https://********@gitlab.example.com/team/handbook.git
        |                ^
      hint: take out the part before `@`
    windlass.yaml:6:16: knowledge.collections.a.sources[0].git: anyone on the way could change what comes from here
      6 |           git: http://gitlab.example.com/team/handbook.git
        |                ^
      hint: write https://...
    windlass.yaml:7:18: knowledge.collections.a.sources[0].token: this must name a secret, not be one
      7 |           token: ********
        |                  ^
      hint: write `env:NAME`, `file:PATH` or `secretsmanager:ARN#KEY`
    windlass.yaml:7:19: knowledge.collections.a.sources[0].branch: no branch can be called so
      7 |           branch: --upload-pack=x
        |                   ^
      hint: write its name alone: `main`

    windlass.yaml:8:22: knowledge.collections.a.sources[0].subfolder: `../up` is no path below something
      8 |           subfolder: ../up
        |                      ^
      hint: names with `/` between them: `team/handbook`
    windlass.yaml:6:15: knowledge.collections.a.sources[0].s3: `https:` is not S3
      6 |           s3: https://bucket.s3.amazonaws.com/x/
        |               ^
      hint: write `s3://BUCKET/PREFIX/`, or `s3://BUCKET/` for all of it
    windlass.yaml:6:15: knowledge.collections.a.sources[0].s3: it names no bucket
      6 |           s3: s3://Bucket_/x/
        |               ^
      hint: write `s3://BUCKET/PREFIX/`, or `s3://BUCKET/` for all of it
    windlass.yaml:6:15: knowledge.collections.a.sources[0].s3: the prefix does not end with `/`, so it would be that of its neighbours too
      6 |           s3: s3://bucket/x
        |               ^
      hint: write `s3://BUCKET/PREFIX/`, or `s3://BUCKET/` for all of it
    windlass.yaml:6:15: knowledge.collections.a.sources[0].s3: a key does not belong into a URL
      6 |           s3: s3://********@bucket/x/
        |               ^
      hint: AWS's own ways to sign in are used: a role, a profile
    windlass.yaml:7:21: knowledge.collections.a.sources[0].include[0]: `[` is no glob: unclosed character class; missing ']'
      7 |           include: ['[', '']
        |                     ^
      hint: for example `docs/**/*.md`

    windlass.yaml:7:26: knowledge.collections.a.sources[0].include[1]: matches nothing
      7 |           include: ['[', '']
        |                          ^
      hint: take it out

    windlass.yaml:8:21: knowledge.collections.a.sources[0].exclude[0]: `a/{b` is no glob: unclosed alternate group; missing '}' (maybe escape '{' with '[{]'?)
      8 |           exclude: ['a/{b']
        |                     ^
      hint: for example `docs/**/*.md`
    windlass.yaml:7:19: knowledge.collections.a.sources[0].prefix: `/abs` is no path below something
      7 |           prefix: /abs
        |                   ^
      hint: names with `/` between them: `team/handbook`
    windlass.yaml:7:17: knowledge.collections.a.sources[0].link: only `{path}` and `{commit}` are filled in
      7 |           link: 'https://docs.example.com/{file}'
        |                 ^
      hint: write `https://docs.example.com/{path}`
    windlass.yaml:7:17: knowledge.collections.a.sources[0].link: every document would have this address
      7 |           link: 'https://docs.example.com/'
        |                 ^
      hint: write `https://docs.example.com/{path}`
    windlass.yaml:7:17: knowledge.collections.a.sources[0].link: `javascript:` is not a web address
      7 |           link: 'javascript:{path}'
        |                 ^
      hint: write `https://docs.example.com/{path}`
    ");
}

#[test]
fn what_would_be_of_no_use_is_said() {
    assert_snapshot!(Bench::new("knowledge: {}\n").notices(), @"knowledge.collections: there is none, so there is nothing to search");
    let told: Vec<String> =
        ["folder: gone", "folder: .\nbranch: main\ntoken: env:X\nregion: eu-west-1", "git: gone\ntoken: env:X"]
            .iter()
            .map(|lines| source(lines).notices())
            .collect();
    assert_snapshot!(told.join("\n"), @r"
    knowledge.collections.a.sources[0].folder: cannot be read now: No such file or directory (os error 2)
    knowledge.collections.a.sources[0].branch: not used, because only `git` sources have one
    knowledge.collections.a.sources[0].token: not used, because only `git` sources have one
    knowledge.collections.a.sources[0].region: not used, because only `s3` sources have one
    knowledge.collections.a.sources[0].git: is no directory now, so there is nothing to read
    knowledge.collections.a.sources[0].token: not used, because a repository of this machine needs none
    ");
    let two = "knowledge:\n  collections:\n    a: { sources: [{ folder: . }, { folder: . }, { folder: ., prefix: x }, { folder: ., prefix: x/ }] }\n    b: { description: B, sources: [{ folder: . }] }\n";
    assert_snapshot!(Bench::new(two).notices(), @r"
    knowledge.collections.a: has no `description`, so a model cannot know when to search it
    knowledge.collections.a.sources[1]: its paths begin as those of `sources[0]` do, so of two files of one name only one is a document; a `prefix` tells them apart
    knowledge.collections.a.sources[3]: its paths begin as those of `sources[2]` do, so of two files of one name only one is a document; a `prefix` tells them apart
    ");
}

#[test]
fn collections_index_and_limits() {
    let yaml = "knowledge:\n  collections:\n    1st: { sources: [] }\n\
                \x20 index: { bucket: 's3://x', prefix: /x, postgres: 'postgres://u:hunter2@db/x', password: hunter2 }\n\
                \x20 refresh: 1s\n  keep: 0\n  max_shrink: 101\n  max_file: 0B\n";
    let told = Bench::new(yaml).errors();
    assert!(!told.contains("hunter2"), "{told}");
    assert_snapshot!(told, @r"
    windlass.yaml:3:10: knowledge.collections.1st: `1st` is no name for a collection
      3 |     1st: { sources: [] }
        |          ^
      hint: letters, digits, `_` and `-`, a letter first, 64 at most

    windlass.yaml:3:10: knowledge.collections.1st: nothing says where its documents come from
      3 |     1st: { sources: [] }
        |          ^
      hint: add a source: `folder`, `git` or `s3`

    windlass.yaml:4:20: knowledge.index.bucket: `s3://x` is not the name of a bucket
      4 |   index: { bucket: 's3://x', prefix: /x, postgres: 'postgres://********@db/x', password: ********
        |                    ^
      hint: 3 to 63 lower case letters, digits, `-` and `.`; the name alone, without `s3://`

    windlass.yaml:4:38: knowledge.index.prefix: `/x` cannot begin the names of objects
      4 |   index: { bucket: 's3://x', prefix: /x, postgres: 'postgres://********@db/x', password: ********
        |                                      ^
      hint: words of letters, digits, `_`, `-`, `.` and `=`, with a `/` behind each: `windlass/index/`

    windlass.yaml:4:91: knowledge.index.password: this must name a secret, not be one
      4 |   index: { bucket: 's3://x', prefix: /x, postgres: 'postgres://********@db/x', password: ********
        |                                                                                           ^
      hint: write `env:NAME`, `file:PATH` or `secretsmanager:ARN#KEY`

    windlass.yaml:4:52: knowledge.index.postgres: a password does not belong into windlass.yaml
      4 |   index: { bucket: 's3://x', prefix: /x, postgres: 'postgres://********@db/x', password: ********
        |                                                    ^
      hint: take it out of the URL, and set `password`: write `env:NAME`, `file:PATH` or `secretsmanager:ARN#KEY`

    windlass.yaml:4:10: knowledge.index: an index is kept in one place
      4 |   index: { bucket: 's3://x', prefix: /x, postgres: 'postgres://********@db/x', password: ********
        |          ^
      hint: keep one of `postgres` and `bucket`

    windlass.yaml:5:12: knowledge.refresh: sources would be asked all the time
      5 |   refresh: 1s
        |            ^
      hint: 10s or more; 1h is usual

    windlass.yaml:6:9: knowledge.keep: the index that is in use is a generation too
      6 |   keep: 0
        |         ^
      hint: write 1 or more

    windlass.yaml:7:15: knowledge.max_shrink: there is no more than all of it
      7 |   max_shrink: 101
        |               ^
      hint: write a share in percent, 0 to 100

    windlass.yaml:8:13: knowledge.max_file: every file would be passed over
      8 |   max_file: 0B
        |             ^
      hint: write 1B or more, or leave it out
    ");
    let idle = "knowledge:\n  collections: { a: { sources: [{ folder: . }] } }\n  index: { prefix: x/, password: env:X, ca: windlass.yaml }\n";
    assert_snapshot!(Bench::new(idle).notices(), @r"
    knowledge.index.prefix: not used, because there is no `bucket`
    knowledge.index.password: not used, because `postgres` is not set
    knowledge.index.ca: not used, because `postgres` is not set
    ");
    let postgres = "knowledge:\n  collections: { a: { sources: [{ folder: . }] } }\n  index: { postgres: 'mysql://db/x', ca: gone.pem }\n";
    assert_snapshot!(Bench::new(postgres).errors(), @r"
    windlass.yaml:3:22: knowledge.index.postgres: `mysql:` is not a database of this kind
      3 |   index: { postgres: 'mysql://db/x', ca: gone.pem }
        |                      ^
      hint: write postgres://USER@HOST:5432/DATABASE

    windlass.yaml:3:42: knowledge.index.ca: cannot read gone.pem: No such file or directory (os error 2)
      3 |   index: { postgres: 'mysql://db/x', ca: gone.pem }
        |                                          ^
      hint: relative paths start from the directory of windlass.yaml
    ");
}

#[test]
fn embedders_need_what_they_need() {
    let told = |embedder: &str| {
        let bench = Bench::new(&format!(
            "knowledge:\n  collections: {{ a: {{ sources: [{{ folder: . }}] }} }}\n  embedder: {{ {embedder} }}\n"
        ));
        match bench.load() {
            Err(errors) => bench.plain(&errors.to_string()),
            Ok(_) => bench.notices(),
        }
    };
    let told: Vec<String> = [
        "kind: openai",
        "kind: openai, model: x, url: 'http://embed.example.com/v1', api_key: env:X",
        "kind: openai, model: x, url: 'http://embed.example.com/v1'",
        "kind: openai, model: x, url: 'https://u:hunter2@embed.example.com/v1', api_key: hunter2",
        "kind: bedrock",
        "kind: bedrock, model: amazon.titan-embed-text-v2:0, api_key: env:X, url: 'https://x'",
        "kind: model",
        "kind: model, directory: gone",
        "kind: hashed, dimensions: 0",
        "model: x, region: eu-west-1, directory: .",
    ]
    .map(told)
    .to_vec();
    let told = told.join("\n");
    assert!(!told.contains("hunter2"), "{told}");
    assert_snapshot!(told, @r"
    windlass.yaml:3:13: knowledge.embedder: this kind needs `url`
      3 |   embedder: { kind: openai }
        |             ^
      hint: `https://api.openai.com/v1`, or where else it is

    windlass.yaml:3:13: knowledge.embedder: this kind needs `model`
      3 |   embedder: { kind: openai }
        |             ^
      hint: as who serves it calls it: `text-embedding-3-small`
    windlass.yaml:3:44: knowledge.embedder.url: anyone on the way could change what comes from here
      3 |   embedder: { kind: openai, model: x, url: 'http://embed.example.com/v1', api_key: ********
        |                                            ^
      hint: write https://...
    knowledge.embedder.url: documents and questions travel there in the open
    windlass.yaml:3:44: knowledge.embedder.url: a user name or password does not belong into a URL here
      3 |   embedder: { kind: openai, model: x, url: 'https://********@embed.example.com/v1', api_key: ********
        |                                            ^
      hint: take out the part before `@`

    windlass.yaml:3:95: knowledge.embedder.api_key: this must name a secret, not be one
      3 |   embedder: { kind: openai, model: x, url: 'https://********@embed.example.com/v1', api_key: ********
        |                                                                                               ^
      hint: write `env:NAME`, `file:PATH` or `secretsmanager:ARN#KEY`
    windlass.yaml:3:13: knowledge.embedder: this kind needs `model`
      3 |   embedder: { kind: bedrock }
        |             ^
      hint: its id: `amazon.titan-embed-text-v2:0`
    knowledge.embedder.url: not used, because embedders of this kind have none
    knowledge.embedder.api_key: not used, because embedders of this kind have none
    windlass.yaml:3:13: knowledge.embedder: this kind needs `directory`
      3 |   embedder: { kind: model }
        |             ^
      hint: where `model.safetensors` and `tokenizer.json` are
    windlass.yaml:3:39: knowledge.embedder.directory: gone is no directory
      3 |   embedder: { kind: model, directory: gone }
        |                                       ^
      hint: relative paths start from the directory of windlass.yaml
    windlass.yaml:3:41: knowledge.embedder.dimensions: no vector is like that
      3 |   embedder: { kind: hashed, ********
      hint: 1 to 16000, and what the model has; or leave it out
    knowledge.embedder.model: not used, because embedders of this kind have none
    knowledge.embedder.region: not used, because embedders of this kind have none
    knowledge.embedder.directory: not used, because embedders of this kind have none
    ");
}

#[test]
fn files_of_secrets_are_watched() {
    let bench = Bench::new(
        "knowledge:\n  collections: { a: { sources: [{ git: 'https://example.com/x.git', token: 'file:token' }] } }\n\
         \x20 index: { postgres: 'postgres://u@db/x', password: 'file:password' }\n\
         \x20 embedder: { kind: openai, model: x, url: 'https://example.com/v1', api_key: 'file:key' }\n",
    );
    let files = bench.load().unwrap_or_else(|errors| panic!("{errors}")).files;
    for name in ["token", "password", "key"] {
        assert!(files.contains(&bench.folder.path().join(name)), "{name}: {files:?}");
    }
}

#[test]
fn files_below_a_directory() {
    let bench = Bench::new("files:\n  directory: shared\n");
    assert_eq!(
        bench.notices(),
        "files.directory: cannot be opened now, so there are no files: No such file or directory (os error 2)"
    );
    let settings = bench.load().unwrap().settings.files.unwrap();
    assert_eq!(settings, FilesSettings::new(bench.folder.path().join("shared")));
    assert!(!settings.writable && !settings.hidden);
}

#[test]
fn a_directory_that_must_not_be_served() {
    let told: Vec<String> = [
        "files: {}\n",
        "files: { directory: '' }\n",
        "files: { directory: / }\n",
        "files: { directory: windlass.yaml, max_bytes: 0B }\n",
        "files: { directory: ., max_bytes: 1GiB }\n",
        "files: { directory: ., writable: true }\n",
        "files: { directory: . }\nstore: { directory: state }\n",
        "files: { directory: shared, writable: true }\naudit: { file: shared/audit.jsonl }\n",
        "files: { directory: shared, writable: true }\nknowledge: { index: { directory: shared/index } }\n",
    ]
    .iter()
    .map(|yaml| {
        let bench = Bench::new(yaml);
        fs::create_dir(bench.folder.path().join("shared")).unwrap();
        bench.errors()
    })
    .collect();
    assert_snapshot!(told.join("\n"), @r"
    windlass.yaml:1:8: files: `directory` is missing here
      1 | files: {}
        |        ^
      hint: add `directory: ...`
    windlass.yaml:1:21: files.directory: nothing says which directory it is
      1 | files: { directory: '' }
        |                     ^
      hint: name one, e.g. `./shared`
    windlass.yaml:1:21: files.directory: this is every file of the machine
      1 | files: { directory: / }
        |                     ^
      hint: name the directory that is meant
    windlass.yaml:1:21: files.directory: windlass.yaml is a file
      1 | files: { directory: windlass.yaml, max_bytes: 0B }
        |                     ^
      hint: name a directory

    windlass.yaml:1:47: files.max_bytes: nothing could ever be read
      1 | files: { directory: windlass.yaml, max_bytes: 0B }
        |                                               ^
      hint: write 1B to 256MiB, or leave it out
    windlass.yaml:1:35: files.max_bytes: a file is held in memory while it is read
      1 | files: { directory: ., max_bytes: 1GiB }
        |                                   ^
      hint: write 1B to 256MiB, or leave it out
    windlass.yaml:1:34: files.writable: windlass.yaml lies in it, so an agent could change what it may do
      1 | files: { directory: ., writable: true }
        |                                  ^
      hint: name a directory below or beside it, or set `writable: false`
    windlass.yaml:1:21: files.directory: the outputs of every caller are kept in it, and could be read by any
      1 | files: { directory: . }
        |                     ^
      hint: set `store.directory` to a place outside of it
    windlass.yaml:1:39: files.writable: shared/audit.jsonl lies in it, and an agent must not change that
      1 | files: { directory: shared, writable: true }
        |                                       ^
      hint: move it out, or set `writable: false`
    windlass.yaml:1:39: files.writable: shared/index lies in it, and an agent must not change that
      1 | files: { directory: shared, writable: true }
        |                                       ^
      hint: move it out, or set `writable: false`
    ");
}

#[test]
fn what_is_behind_a_dot_is_not_served_and_may_lie_there() {
    let yaml = |hidden: bool| format!("files: {{ directory: ., hidden: {hidden} }}\nstore: {{ directory: .state }}\n");
    assert!(Bench::new(&yaml(false)).load().is_ok());
    assert!(Bench::new(&yaml(true)).load().is_err());
    // Where outputs are kept when nothing is said.
    let home = Bench::new("files: { directory: ., hidden: true }\n");
    let at = home.folder.path().display().to_string();
    assert!(home.set("HOME", &at).load().is_err());
}
