use std::{fmt, path::PathBuf, str::FromStr};

use crate::error::ClientError;

/// A client that can be connected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum App {
    /// Claude Code.
    Claude,
    /// Claude Desktop.
    ClaudeDesktop,
    /// Cursor.
    Cursor,
    /// Visual Studio Code.
    VsCode,
    /// Windsurf.
    Windsurf,
    /// Zed.
    Zed,
    /// Gemini CLI.
    Gemini,
    /// Codex.
    Codex,
    /// Cline.
    Cline,
}

/// The operating system whose paths to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Os {
    /// Linux and other Unix systems.
    Linux,
    /// macOS.
    MacOs,
    /// Windows.
    Windows,
}

/// Where things are on a machine. Given, not looked up, so that tests need no environment.
#[derive(Debug, Clone)]
pub struct Places {
    /// The operating system.
    pub os: Os,
    /// The user's home directory.
    pub home: PathBuf,
    /// `XDG_CONFIG_HOME`, where set.
    pub xdg_config_home: Option<PathBuf>,
    /// `APPDATA`, on Windows.
    pub app_data: Option<PathBuf>,
    /// `CODEX_HOME`, where set.
    pub codex_home: Option<PathBuf>,
    /// The project directory, for clients that keep servers with the project.
    pub project: PathBuf,
}

impl App {
    /// All of them, in alphabetical order.
    pub const ALL: [Self; 9] = [
        Self::Claude,
        Self::ClaudeDesktop,
        Self::Cline,
        Self::Codex,
        Self::Cursor,
        Self::Gemini,
        Self::VsCode,
        Self::Windsurf,
        Self::Zed,
    ];

    /// The name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Claude => "claude",
            Self::ClaudeDesktop => "claude-desktop",
            Self::Cline => "cline",
            Self::Codex => "codex",
            Self::Cursor => "cursor",
            Self::Gemini => "gemini",
            Self::VsCode => "vscode",
            Self::Windsurf => "windsurf",
            Self::Zed => "zed",
        }
    }

    /// The name as people say it.
    pub fn title(self) -> &'static str {
        match self {
            Self::Claude => "Claude Code",
            Self::ClaudeDesktop => "Claude Desktop",
            Self::Cline => "Cline",
            Self::Codex => "Codex",
            Self::Cursor => "Cursor",
            Self::Gemini => "Gemini CLI",
            Self::VsCode => "VS Code",
            Self::Windsurf => "Windsurf",
            Self::Zed => "Zed",
        }
    }

    /// The client's configuration file.
    pub fn path(self, places: &Places) -> PathBuf {
        let home = &places.home;
        match self {
            // Claude Code rewrites ~/.claude.json all the time, so that file is left to its own command.
            Self::Claude => places.project.join(".mcp.json"),
            Self::ClaudeDesktop => places.config("Claude").join("claude_desktop_config.json"),
            Self::Cline => {
                places.config("Code").join("User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json")
            }
            Self::Codex => places.codex_home.clone().unwrap_or_else(|| home.join(".codex")).join("config.toml"),
            Self::Cursor => home.join(".cursor/mcp.json"),
            Self::Gemini => home.join(".gemini/settings.json"),
            Self::VsCode => places.config("Code").join("User/mcp.json"),
            Self::Windsurf => home.join(".codeium/windsurf/mcp_config.json"),
            Self::Zed if places.os == Os::Windows => places.config("Zed").join("settings.json"),
            // Zed follows XDG on macOS too.
            Self::Zed => places.xdg().join("zed/settings.json"),
        }
    }

    /// How the client writes a reference to an environment variable, if it can.
    pub(super) fn reference(self, variable: &str) -> Option<String> {
        match self {
            Self::Claude | Self::Gemini => Some(format!("${{{variable}}}")),
            Self::Cursor | Self::Windsurf => Some(format!("${{env:{variable}}}")),
            // It asks once and keeps the answer in its own secret store.
            Self::VsCode => Some(format!("${{input:{}}}", input_id(variable))),
            Self::ClaudeDesktop | Self::Cline | Self::Codex | Self::Zed => None,
        }
    }
}

impl fmt::Display for App {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for App {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        let wanted = match text {
            "claude-code" => "claude",
            "code" | "vs-code" => "vscode",
            "gemini-cli" => "gemini",
            other => other,
        };
        Self::ALL.into_iter().find(|app| app.name() == wanted).ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|app| app.name()).collect();
            ClientError::usage(format!("there is no client `{text}`"), format!("there is {}", names.join(", ")))
        })
    }
}

impl Os {
    /// The one this was built for.
    pub fn current() -> Self {
        if cfg!(windows) {
            Self::Windows
        } else if cfg!(target_os = "macos") {
            Self::MacOs
        } else {
            Self::Linux
        }
    }
}

impl Places {
    /// This machine's places, by a reader of the environment.
    pub fn from_env(read: impl Fn(&str) -> Option<PathBuf>, project: PathBuf) -> Result<Self, ClientError> {
        let os = Os::current();
        let home = if os == Os::Windows { "USERPROFILE" } else { "HOME" };
        let absolute = |name: &str| read(name).filter(|path| path.is_absolute());
        let missing = || ClientError::usage(format!("{home} is not set"), "set it to your home directory");
        Ok(Self {
            os,
            home: absolute(home).ok_or_else(missing)?,
            xdg_config_home: absolute("XDG_CONFIG_HOME"),
            app_data: absolute("APPDATA"),
            codex_home: absolute("CODEX_HOME"),
            project,
        })
    }

    fn xdg(&self) -> PathBuf {
        self.xdg_config_home.clone().unwrap_or_else(|| self.home.join(".config"))
    }

    /// The configuration directory of a desktop program.
    fn config(&self, program: &str) -> PathBuf {
        let base = match self.os {
            Os::Linux => self.xdg(),
            Os::MacOs => self.home.join("Library/Application Support"),
            Os::Windows => self.app_data.clone().unwrap_or_else(|| self.home.join("AppData/Roaming")),
        };
        base.join(program)
    }
}

pub(super) fn input_id(variable: &str) -> String {
    variable.to_ascii_lowercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(os: Os) -> Places {
        Places {
            os,
            home: "/h".into(),
            xdg_config_home: None,
            app_data: (os == Os::Windows).then(|| "/h/AppData/Roaming".into()),
            codex_home: None,
            project: "/p".into(),
        }
    }

    #[test]
    fn paths() {
        let table: String = App::ALL
            .iter()
            .flat_map(|app| [Os::Linux, Os::MacOs, Os::Windows].map(|os| (app, os)))
            .map(|(app, os)| format!("{app} {os:?} {}\n", app.path(&places(os)).display()).replace('\\', "/"))
            .collect();
        insta::assert_snapshot!(table, @r#"
        claude Linux /p/.mcp.json
        claude MacOs /p/.mcp.json
        claude Windows /p/.mcp.json
        claude-desktop Linux /h/.config/Claude/claude_desktop_config.json
        claude-desktop MacOs /h/Library/Application Support/Claude/claude_desktop_config.json
        claude-desktop Windows /h/AppData/Roaming/Claude/claude_desktop_config.json
        cline Linux /h/.config/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json
        cline MacOs /h/Library/Application Support/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json
        cline Windows /h/AppData/Roaming/Code/User/globalStorage/saoudrizwan.claude-dev/settings/cline_mcp_settings.json
        codex Linux /h/.codex/config.toml
        codex MacOs /h/.codex/config.toml
        codex Windows /h/.codex/config.toml
        cursor Linux /h/.cursor/mcp.json
        cursor MacOs /h/.cursor/mcp.json
        cursor Windows /h/.cursor/mcp.json
        gemini Linux /h/.gemini/settings.json
        gemini MacOs /h/.gemini/settings.json
        gemini Windows /h/.gemini/settings.json
        vscode Linux /h/.config/Code/User/mcp.json
        vscode MacOs /h/Library/Application Support/Code/User/mcp.json
        vscode Windows /h/AppData/Roaming/Code/User/mcp.json
        windsurf Linux /h/.codeium/windsurf/mcp_config.json
        windsurf MacOs /h/.codeium/windsurf/mcp_config.json
        windsurf Windows /h/.codeium/windsurf/mcp_config.json
        zed Linux /h/.config/zed/settings.json
        zed MacOs /h/.config/zed/settings.json
        zed Windows /h/AppData/Roaming/Zed/settings.json
        "#);
    }

    #[test]
    fn names_are_read_back() {
        for app in App::ALL {
            assert_eq!(app.name().parse::<App>().unwrap(), app);
        }
        assert_eq!("emacs".parse::<App>().unwrap_err().exit_code(), 2);
    }

    #[test]
    fn the_environment_decides_where() {
        let read = |name: &str| match name {
            "HOME" | "USERPROFILE" => Some(PathBuf::from("/h")),
            "XDG_CONFIG_HOME" => Some(PathBuf::from("relative")),
            _ => None,
        };
        let places = Places::from_env(read, "/p".into()).unwrap();
        assert_eq!(places.xdg_config_home, None, "a relative XDG_CONFIG_HOME is invalid and ignored");
        assert!(Places::from_env(|_| None, "/p".into()).is_err());
    }
}
