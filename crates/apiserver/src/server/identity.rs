//! Who the server is, and how it knows its user: made anew at each start, kept in memory.

use std::fmt;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls::ServerConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};

use crate::permission::{Account, User};

/// An identity that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
    /// The system gives no random bytes.
    #[error("the system gives no random bytes")]
    Random,
    /// The certificate could not be made.
    #[error("cannot make a certificate")]
    Certificate(#[from] rcgen::Error),
}

/// A certificate with its authority, the token of the owner, and those of accounts.
#[derive(Clone)]
pub struct Identity {
    certificate: CertificateDer<'static>,
    key: Vec<u8>,
    authority: String,
    token: String,
    accounts: Vec<(String, Account)>,
    provider: Arc<CryptoProvider>,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}

impl Identity {
    /// A new identity for a server that is reached by `names`, host names and addresses.
    ///
    /// # Errors
    /// If a name is none, or there is no randomness.
    pub fn generate(names: &[&str]) -> Result<Self, IdentityError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let (authority, issuer) = authority()?;
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut server = CertificateParams::new(names)?;
        server
            .distinguished_name
            .push(DnType::CommonName, "ringfence-apiserver");
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &issuer)?;
        Ok(Self {
            certificate: certificate.der().clone(),
            key: key.serialize_der(),
            authority,
            token: token(&provider)?,
            accounts: Vec::new(),
            provider,
        })
    }

    /// What a client must show.
    #[must_use]
    pub fn token(&self) -> &str {
        &self.token
    }

    /// The certificate of the authority that vouches for the server, in PEM.
    #[must_use]
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Gives `account` a token, by which servers that are started afterwards know it.
    ///
    /// # Errors
    /// If there is no randomness.
    pub fn admit(&mut self, account: Account) -> Result<String, IdentityError> {
        let token = token(&self.provider)?;
        self.accounts.push((token.clone(), account));
        Ok(token)
    }

    /// Whose token it is. Takes as long whatever is wrong with it.
    #[must_use]
    pub fn user(&self, token: &[u8]) -> Option<User> {
        let owner = same(&self.token, token).then_some(User::Owner);
        let accounts = self.accounts.iter();
        accounts.fold(owner, |found, (own, account)| {
            let is_it = same(own, token);
            found.or_else(|| is_it.then(|| User::Account(account.clone())))
        })
    }

    /// The file that makes `kubectl` speak to this server at `address`, such as `127.0.0.1:6443`.
    #[must_use]
    pub fn kubeconfig(&self, cluster: &str, address: &str) -> String {
        self.kubeconfig_of(&self.token, cluster, address)
    }

    /// The same for whoever has `token`.
    #[must_use]
    pub fn kubeconfig_of(&self, token: &str, cluster: &str, address: &str) -> String {
        let authority = STANDARD.encode(&self.authority);
        format!(
            "apiVersion: v1\n\
             kind: Config\n\
             current-context: {cluster}\n\
             clusters:\n\
             - name: {cluster}\n\
            \x20 cluster:\n\
            \x20   server: https://{address}\n\
            \x20   certificate-authority-data: {authority}\n\
             users:\n\
             - name: {cluster}\n\
            \x20 user:\n\
            \x20   token: {token}\n\
             contexts:\n\
             - name: {cluster}\n\
            \x20 context:\n\
            \x20   cluster: {cluster}\n\
            \x20   user: {cluster}\n"
        )
    }

    pub(super) fn tls(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(self.key.clone()));
        let mut config = ServerConfig::builder_with_provider(Arc::clone(&self.provider))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_single_cert(vec![self.certificate.clone()], key)?;
        // Upgrades, which exec and port-forward are, exist in HTTP/1.1 only.
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    pub(super) fn random(&self) -> u128 {
        bits(&self.provider)
    }
}

fn same(own: &str, token: &[u8]) -> bool {
    let own = own.as_bytes();
    let pairs = own.iter().zip(token.iter().chain(std::iter::repeat(&0)));
    let difference = pairs.fold(0, |difference, (a, b)| difference | (a ^ b));
    difference == 0 && own.len() == token.len()
}

/// Random bits, for identifiers and names.
#[must_use]
pub fn random() -> u128 {
    bits(&rustls::crypto::ring::default_provider())
}

/// Zeros if the system has no randomness any more, so that names collide and are refused.
fn bits(provider: &CryptoProvider) -> u128 {
    let mut bytes = [0; 16];
    let _ = provider.secure_random.fill(&mut bytes);
    u128::from_ne_bytes(bytes)
}

fn authority() -> Result<(String, Issuer<'static, KeyPair>), IdentityError> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
        .distinguished_name
        .push(DnType::CommonName, "ringfence-lab-ca");
    let key = KeyPair::generate()?;
    let pem = params.self_signed(&key)?.pem();
    Ok((pem, Issuer::new(params, key)))
}

fn token(provider: &CryptoProvider) -> Result<String, IdentityError> {
    let mut bytes = [0_u8; 24];
    provider
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| IdentityError::Random)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_whole_token_is_known() {
        let mut identity = Identity::generate(&["localhost", "127.0.0.1"]).unwrap();
        let account = Account {
            namespace: "system".to_owned(),
            name: "agent".to_owned(),
        };
        let of_account = identity.admit(account.clone()).unwrap();
        let token = identity.token().to_owned();
        let user = |token: &str| identity.user(token.as_bytes());
        assert_eq!(user(&token), Some(User::Owner));
        assert_eq!(user(&of_account), Some(User::Account(account)));
        for wrong in [
            String::new(),
            token.chars().skip(1).collect(),
            format!("{token}0"),
            "0".repeat(token.len()),
            format!("{of_account}0"),
        ] {
            assert_eq!(user(&wrong), None, "{wrong}");
        }
        assert!(!format!("{identity:?}").contains(&token));
    }
}
