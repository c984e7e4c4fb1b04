//! The supervisor alone, for this crate's tests. In `windlass` the same code hides behind the argument `__launch`.

fn main() -> std::process::ExitCode {
    windlass_shell::launch::main()
}
