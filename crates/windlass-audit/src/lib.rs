//! windlass-audit
