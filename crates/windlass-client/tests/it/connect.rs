use std::{fs, path::Path};

use windlass_client::connect::{App, ConnectOptions, Os, Places, Plan, Server, Token, Written, plan};

fn options(app: App, home: &Path, server: Server) -> ConnectOptions {
    let places = Places {
        os: Os::Linux,
        home: home.into(),
        xdg_config_home: None,
        app_data: None,
        codex_home: None,
        project: home.join("project"),
    };
    ConnectOptions { app, name: "windlass".into(), server, places }
}

fn stdio() -> Server {
    Server::Stdio { command: "/opt/windlass".into(), args: vec!["serve".into(), "--stdio".into()] }
}

fn http(token: Token) -> Server {
    Server::Http { url: "https://tools.example/mcp".parse().unwrap(), token }
}

fn env() -> Token {
    Token::Env("WINDLASS_TOKEN".into())
}

fn planned(app: App, server: Server) -> Plan {
    plan(&options(app, Path::new("/h"), server)).unwrap()
}

#[test]
fn what_each_client_gets() {
    let mut out = String::new();
    for app in App::ALL {
        for server in [stdio(), http(env()), http(Token::None)] {
            out.push_str(&match plan(&options(app, Path::new("/h"), server)) {
                Ok(plan) => plan.text(),
                Err(error) => format!("{app}: {error} ({})\n", error.hint()),
            });
            out.push_str("----\n");
        }
    }
    insta::assert_snapshot!(out, @r#"
    Claude Code reads /h/project/.mcp.json:

    {
      "mcpServers": {
        "windlass": {
          "type": "stdio",
          "command": "/opt/windlass",
          "args": [
            "serve",
            "--stdio"
          ]
        }
      }
    }

    or let it do that itself:

      claude mcp add --scope project --transport stdio windlass -- /opt/windlass serve --stdio
    ----
    Claude Code reads /h/project/.mcp.json:

    {
      "mcpServers": {
        "windlass": {
          "type": "http",
          "url": "https://tools.example/mcp",
          "headers": {
            "Authorization": "Bearer ${WINDLASS_TOKEN}"
          }
        }
      }
    }

    or let it do that itself:

      claude mcp add --scope project --transport http windlass https://tools.example/mcp --header 'Authorization: Bearer ${WINDLASS_TOKEN}'

    Set WINDLASS_TOKEN where Claude Code starts; the file only refers to it.
    ----
    Claude Code reads /h/project/.mcp.json:

    {
      "mcpServers": {
        "windlass": {
          "type": "http",
          "url": "https://tools.example/mcp"
        }
      }
    }

    or let it do that itself:

      claude mcp add --scope project --transport http windlass https://tools.example/mcp
    ----
    Claude Desktop reads /h/.config/Claude/claude_desktop_config.json:

    {
      "mcpServers": {
        "windlass": {
          "command": "/opt/windlass",
          "args": [
            "serve",
            "--stdio"
          ]
        }
      }
    }
    ----
    claude-desktop: Claude Desktop's file holds only programs that it starts (connect it over stdio, or add the URL in the app under Settings, Connectors)
    ----
    claude-desktop: Claude Desktop's file holds only programs that it starts (connect it over stdio, or add the URL in the app under Settings, Connectors)
    ----
    Cline reads /h/.config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json:

    {
      "mcpServers": {
        "windlass": {
          "command": "/opt/windlass",
          "args": [
            "serve",
            "--stdio"
          ]
        }
      }
    }
    ----
    cline: Cline cannot refer to an environment variable in its file (connect over stdio, or ask for the token to be written into the file)
    ----
    Cline reads /h/.config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json:

    {
      "mcpServers": {
        "windlass": {
          "type": "streamableHttp",
          "url": "https://tools.example/mcp"
        }
      }
    }
    ----
    Codex reads /h/.codex/config.toml:

    [mcp_servers.windlass]
    command = "/opt/windlass"
    args = ["serve", "--stdio"]

    or let it do that itself:

      codex mcp add windlass -- /opt/windlass serve --stdio
    ----
    Codex reads /h/.codex/config.toml:

    [mcp_servers.windlass]
    url = "https://tools.example/mcp"
    bearer_token_env_var = "WINDLASS_TOKEN"

    Set WINDLASS_TOKEN where Codex starts; the file only refers to it.
    ----
    Codex reads /h/.codex/config.toml:

    [mcp_servers.windlass]
    url = "https://tools.example/mcp"

    or let it do that itself:

      codex mcp add windlass --url https://tools.example/mcp
    ----
    Cursor reads /h/.cursor/mcp.json:

    {
      "mcpServers": {
        "windlass": {
          "command": "/opt/windlass",
          "args": [
            "serve",
            "--stdio"
          ]
        }
      }
    }
    ----
    Cursor reads /h/.cursor/mcp.json:

    {
      "mcpServers": {
        "windlass": {
          "url": "https://tools.example/mcp",
          "headers": {
            "Authorization": "Bearer ${env:WINDLASS_TOKEN}"
          }
        }
      }
    }

    Set WINDLASS_TOKEN where Cursor starts; the file only refers to it.
    ----
    Cursor reads /h/.cursor/mcp.json:

    {
      "mcpServers": {
        "windlass": {
          "url": "https://tools.example/mcp"
        }
      }
    }
    ----
    Gemini CLI reads /h/.gemini/settings.json:

    {
      "mcpServers": {
        "windlass": {
          "command": "/opt/windlass",
          "args": [
            "serve",
            "--stdio"
          ]
        }
      }
    }
    ----
    Gemini CLI reads /h/.gemini/settings.json:

    {
      "mcpServers": {
        "windlass": {
          "httpUrl": "https://tools.example/mcp",
          "headers": {
            "Authorization": "Bearer ${WINDLASS_TOKEN}"
          }
        }
      }
    }

    Set WINDLASS_TOKEN where Gemini CLI starts; the file only refers to it.
    ----
    Gemini CLI reads /h/.gemini/settings.json:

    {
      "mcpServers": {
        "windlass": {
          "httpUrl": "https://tools.example/mcp"
        }
      }
    }
    ----
    VS Code reads /h/.config/Code/User/mcp.json:

    {
      "servers": {
        "windlass": {
          "type": "stdio",
          "command": "/opt/windlass",
          "args": [
            "serve",
            "--stdio"
          ]
        }
      }
    }
    ----
    VS Code reads /h/.config/Code/User/mcp.json:

    {
      "servers": {
        "windlass": {
          "type": "http",
          "url": "https://tools.example/mcp",
          "headers": {
            "Authorization": "Bearer ${input:windlass-token}"
          }
        }
      },
      "inputs": [
        {
          "type": "promptString",
          "id": "windlass-token",
          "description": "The API key for windlass",
          "password": true
        }
      ]
    }

    VS Code asks for the token once and keeps it in its secret store.
    ----
    VS Code reads /h/.config/Code/User/mcp.json:

    {
      "servers": {
        "windlass": {
          "type": "http",
          "url": "https://tools.example/mcp"
        }
      }
    }
    ----
    Windsurf reads /h/.codeium/windsurf/mcp_config.json:

    {
      "mcpServers": {
        "windlass": {
          "command": "/opt/windlass",
          "args": [
            "serve",
            "--stdio"
          ]
        }
      }
    }
    ----
    Windsurf reads /h/.codeium/windsurf/mcp_config.json:

    {
      "mcpServers": {
        "windlass": {
          "serverUrl": "https://tools.example/mcp",
          "headers": {
            "Authorization": "Bearer ${env:WINDLASS_TOKEN}"
          }
        }
      }
    }

    Set WINDLASS_TOKEN where Windsurf starts; the file only refers to it.
    ----
    Windsurf reads /h/.codeium/windsurf/mcp_config.json:

    {
      "mcpServers": {
        "windlass": {
          "serverUrl": "https://tools.example/mcp"
        }
      }
    }
    ----
    Zed reads /h/.config/zed/settings.json:

    {
      "context_servers": {
        "windlass": {
          "command": "/opt/windlass",
          "args": [
            "serve",
            "--stdio"
          ]
        }
      }
    }
    ----
    zed: Zed cannot refer to an environment variable in its file (connect over stdio, or ask for the token to be written into the file)
    ----
    Zed reads /h/.config/zed/settings.json:

    {
      "context_servers": {
        "windlass": {
          "url": "https://tools.example/mcp"
        }
      }
    }
    ----
    "#);
}

/// Writes over `before` and compares the whole file.
fn check_merge(app: App, server: Server, before: &str, after: &str) {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(&options(app, dir.path(), server)).unwrap();
    fs::create_dir_all(plan.path.parent().unwrap()).unwrap();
    fs::write(&plan.path, before).unwrap();
    let Written::Changed { backup } = plan.write().unwrap() else { panic!("nothing changed") };
    assert_eq!(fs::read_to_string(&plan.path).unwrap(), after);
    assert_eq!(fs::read_to_string(backup).unwrap(), before);
    assert_eq!(plan.write().unwrap(), Written::Unchanged, "a second time there is nothing to do");
}

#[test]
fn everything_else_keeps_its_bytes() {
    check_merge(
        App::Zed,
        stdio(),
        "// my settings\n{\n  \"theme\":   \"One\", /* odd */\n  \"n\": 1.50,\n\n  \"context_servers\": {\n    \"other\": { \"command\": \"x\" },\n  },\n}\n",
        "// my settings\n{\n  \"theme\":   \"One\", /* odd */\n  \"n\": 1.50,\n\n  \"context_servers\": {\n    \"other\": { \"command\": \"x\" },\n    \"windlass\": {\n      \"command\": \"/opt/windlass\",\n      \"args\": [\"serve\", \"--stdio\"],\n    },\n  },\n}\n",
    );
    check_merge(
        App::Codex,
        http(env()),
        "model = \"x\"  # mine\n\n[mcp_servers.other]\ncommand = 'y'\n",
        "model = \"x\"  # mine\n\n[mcp_servers.other]\ncommand = 'y'\n\n[mcp_servers.windlass]\nurl = \"https://tools.example/mcp\"\nbearer_token_env_var = \"WINDLASS_TOKEN\"\n",
    );
}

#[test]
fn an_entry_changes_its_way_and_keeps_what_the_user_added() {
    check_merge(
        App::Cursor,
        http(Token::None),
        "{\n  \"mcpServers\": {\n    \"windlass\": {\n      \"command\": \"/old\",\n      \"args\": [],\n      \"disabled\": true\n    }\n  }\n}",
        "{\n  \"mcpServers\": {\n    \"windlass\": {\n      \"disabled\": true,\n      \"url\": \"https://tools.example/mcp\"\n    }\n  }\n}",
    );
    check_merge(
        App::Codex,
        stdio(),
        "[mcp_servers.windlass]\nurl = \"http://old/\"\nstartup_timeout_sec = 20\n",
        "[mcp_servers.windlass]\nstartup_timeout_sec = 20\ncommand = \"/opt/windlass\"\nargs = [\"serve\", \"--stdio\"]\n",
    );
}

#[test]
fn an_input_is_added_once() {
    let dir = tempfile::tempdir().unwrap();
    let plan = plan(&options(App::VsCode, dir.path(), http(env()))).unwrap();
    assert_eq!(plan.write().unwrap(), Written::Created);
    let first = fs::read_to_string(&plan.path).unwrap();
    assert_eq!(first.matches("promptString").count(), 1);
    assert_eq!(plan.write().unwrap(), Written::Unchanged);
}

#[test]
fn a_file_that_cannot_be_read_is_not_touched() {
    for (app, text) in [
        (App::Cursor, "{ \"mcpServers\": { "),
        (App::Cursor, "[]"),
        (App::Cursor, "{ \"mcpServers\": [] }"),
        (App::Cursor, "{ \"mcpServers\": { \"windlass\": 1 } }"),
        (App::Cursor, "{ \"mcpServers\": {}, \"mcpServers\": {} }"),
        (App::Cursor, "{ 'mcpServers': {} }"),
        (App::Codex, "[mcp_servers\n"),
        (App::Codex, "mcp_servers = 1\n"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let plan = plan(&options(app, dir.path(), stdio())).unwrap();
        let parent = plan.path.parent().unwrap();
        fs::create_dir_all(parent).unwrap();
        fs::write(&plan.path, text).unwrap();
        let error = plan.write().unwrap_err();
        assert!(error.to_string().contains("was not touched"), "{error}");
        assert_eq!(fs::read_to_string(&plan.path).unwrap(), text);
        assert_eq!(fs::read_dir(parent).unwrap().count(), 1, "nothing is left lying about");
    }
}

#[test]
fn tokens_stay_where_they_belong() {
    let raw = || Token::Raw("canary-token".into());
    for app in App::ALL {
        let Ok(plan) = plan(&options(app, Path::new("/h"), http(raw()))) else {
            assert!(matches!(app, App::ClaudeDesktop | App::Codex), "{app}");
            continue;
        };
        let shown = format!("{} {plan:?} {:?}", plan.text(), plan.command);
        assert!(!shown.contains("canary"), "{app}: {shown}");
    }
    // A token given where the name of a variable belongs is not repeated either.
    let error = plan(&options(App::Cursor, Path::new("/h"), http(Token::Env("sk-canary".into())))).unwrap_err();
    assert!(!error.to_string().contains("canary"), "{error}");
}

#[cfg(unix)]
#[test]
fn permissions_and_links_are_kept() {
    use std::os::unix::fs::{PermissionsExt, symlink};
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    let dir = tempfile::tempdir().unwrap();

    let shared = plan(&options(App::Gemini, dir.path(), stdio())).unwrap();
    shared.write().unwrap();
    assert_eq!(mode(&shared.path), 0o644);
    let private = plan(&options(App::Windsurf, dir.path(), http(Token::Raw("canary-token".into())))).unwrap();
    private.write().unwrap();
    assert_eq!(mode(&private.path), 0o600);
    assert!(fs::read_to_string(&private.path).unwrap().contains("Bearer canary-token"));

    let cursor = plan(&options(App::Cursor, dir.path(), stdio())).unwrap();
    let real = dir.path().join("dotfiles.json");
    fs::write(&real, "{}").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
    fs::create_dir_all(cursor.path.parent().unwrap()).unwrap();
    symlink(&real, &cursor.path).unwrap();
    cursor.write().unwrap();
    assert!(fs::symlink_metadata(&cursor.path).unwrap().is_symlink());
    assert_eq!(mode(&real), 0o640);
    assert!(fs::read_to_string(&real).unwrap().contains("/opt/windlass"));
}

#[test]
fn commands_are_safe_to_paste() {
    let server = Server::Stdio { command: "/opt/my tools/windlass".into(), args: vec!["$(reboot)".into()] };
    let command = planned(App::Claude, server).command.unwrap();
    assert_eq!(
        command,
        "claude mcp add --scope project --transport stdio windlass -- '/opt/my tools/windlass' '$(reboot)'"
    );
    let mut bad = options(App::Claude, Path::new("/h"), stdio());
    bad.name = "x; reboot".into();
    assert_eq!(plan(&bad).unwrap_err().exit_code(), 2);
}
