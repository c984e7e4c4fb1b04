//! windlass-shell
