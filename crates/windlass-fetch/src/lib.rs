//! windlass-fetch
