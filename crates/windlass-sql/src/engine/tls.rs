use rustls::ClientConfig;
use windlass_config::settings::TlsMode;
use windlass_tls::{Trust, Unusable};

use super::{EngineError, Tls};

/// What rustls needs to know to check that much.
pub(crate) fn client_config(tls: &Tls, mode: TlsMode) -> Result<ClientConfig, EngineError> {
    let roots = || {
        let unusable = |error: Unusable| EngineError::Unreachable(error.to_string());
        windlass_tls::roots(tls.ca.as_deref()).map_err(unusable)
    };
    let trust = match mode {
        TlsMode::VerifyFull => Trust::Full(roots()?),
        TlsMode::VerifyCa => Trust::Signer(roots()?),
        TlsMode::Disable | TlsMode::Prefer | TlsMode::Require => Trust::Anybody,
    };
    windlass_tls::client_config(trust).map_err(|error| EngineError::Internal(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_checked_but_on_this_machine() {
        for (host, expected) in [
            ("localhost", TlsMode::Prefer),
            ("LOCALHOST", TlsMode::Prefer),
            ("127.0.0.1", TlsMode::Prefer),
            ("127.8.9.1", TlsMode::Prefer),
            ("::1", TlsMode::Prefer),
            ("[::1]", TlsMode::Prefer),
            ("/var/run/postgresql", TlsMode::Prefer),
            ("db.example.com", TlsMode::VerifyFull),
            ("localhost.example.com", TlsMode::VerifyFull),
            ("127.0.0.1.example.com", TlsMode::VerifyFull),
            ("10.0.0.1", TlsMode::VerifyFull),
            ("", TlsMode::VerifyFull),
        ] {
            assert_eq!(Tls::default().mode_for(host), expected, "{host}");
            let chosen = Tls { mode: Some(TlsMode::VerifyCa), ca: None };
            assert_eq!(chosen.mode_for(host), TlsMode::VerifyCa);
        }
    }

    #[test]
    fn an_authority_file_without_a_certificate_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("ca.pem");
        let tls = Tls { mode: None, ca: Some(path.clone()) };
        for text in [None, Some(""), Some("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")] {
            if let Some(text) = text {
                std::fs::write(&path, text).unwrap();
            }
            assert!(matches!(client_config(&tls, TlsMode::VerifyFull), Err(EngineError::Unreachable(_))), "{text:?}");
        }
        assert!(client_config(&Tls::default(), TlsMode::VerifyFull).is_ok());
    }
}
