//! Names that declared tools cannot have, because other toolsets do.

/// The other toolsets, and what their tools are called, former names included. A name is one tool's alone, whether or not
/// the other is served now: what is granted to it should not come to mean something else.
const OTHERS: [(&str, &[&str]); 6] = [
    ("output", &["read_output", "search_output"]),
    ("fetch", &["fetch_url", "web_fetch"]),
    (
        "knowledge",
        &[
            "search_documents",
            "search_handbook",
            "read_document",
            "get_handbook_section",
            "list_collections",
            "list_documents",
            "list_handbook_topics",
            "list_topics",
            "recent_changes",
            "get_recent_updates",
        ],
    ),
    (
        "shell",
        &[
            "run_command",
            "execute_command",
            "start_command",
            "command_output",
            "stop_command",
            "list_commands",
            "list_allowed_commands",
            "list_blocked_commands",
            "get_shell_info",
            "explain_command",
        ],
    ),
    (
        "sandbox",
        &[
            "create_sandbox",
            "run_code",
            "execute_code",
            "run_in_sandbox",
            "read_file",
            "write_file",
            "list_directory",
            "list_sandboxes",
            "destroy_sandbox",
            "snapshot_sandbox",
            "fork_sandbox",
        ],
    ),
    ("files", &["read_file", "read_server_file", "write_file", "write_server_file", "list_files"]),
];

/// The toolset that has a tool of this name.
pub fn toolset_with(tool: &str) -> Option<&'static str> {
    OTHERS.iter().find(|(_, tools)| tools.contains(&tool)).map(|(toolset, _)| *toolset)
}

/// Whether a toolset of this name has tools of its own, so that none can be put into it.
pub fn is_toolset(name: &str) -> bool {
    OTHERS.iter().any(|(toolset, _)| *toolset == name)
}
