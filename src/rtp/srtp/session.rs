//! Session keys and ciphers: AES counter mode with HMAC-SHA1 (RFC 3711 §4) and AES-GCM (RFC 7714).

use super::{MasterKey, Suite};
use aes::cipher::{BlockEncrypt, KeyInit, generic_array::GenericArray};
use aes::{Aes128, Aes256};
use aes_gcm::aead::AeadInPlace;
use aes_gcm::{Aes128Gcm, Aes256Gcm};
use hmac::{Hmac, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

/// Labels of key derivation (RFC 3711 §4.3.1, §4.3.2): RTP's, and RTCP's three further on.
const ENCRYPTION: u8 = 0;
const AUTHENTICATION: u8 = 1;
const SALTING: u8 = 2;
const RTCP: u8 = 3;
/// The bit beside an RTCP packet's index that says it is encrypted.
const ENCRYPTED: u32 = 0x8000_0000;
/// What is never encrypted of RTCP: the first header and the sender's name (RFC 3711 §3.4).
const RTCP_CLEAR: usize = 8;

/// The ciphers of one master key.
pub(super) struct Session {
    suite: Suite,
    rtp: Keys,
    rtcp: Keys,
}

/// Ciphers of one protocol.
pub(super) enum Keys {
    Counter { cipher: Box<Aes128>, salt: [u8; 14], authentication: Hmac<Sha1> },
    Gcm128 { cipher: Box<Aes128Gcm>, salt: [u8; 12] },
    Gcm256 { cipher: Box<Aes256Gcm>, salt: [u8; 12] },
}

impl Session {
    pub(super) fn new(master: &MasterKey) -> Session {
        let suite = master.suite();
        Session { suite, rtp: Keys::derive(master, 0), rtcp: Keys::derive(master, RTCP) }
    }

    pub(super) fn protect_rtp(&self, buffer: &mut [u8], header: usize, len: usize, ssrc: u32, index: u64) -> Option<usize> {
        let tag = self.suite.rtp_tag();
        let (packet, rest) = buffer.get_mut(..len + tag)?.split_at_mut(len);
        match &self.rtp {
            Keys::Counter { cipher, salt, authentication } => {
                counter_mode(cipher.as_ref(), &counter_iv(salt, ssrc, index), packet.get_mut(header..)?);
                rest.copy_from_slice(authentic(authentication, packet, &roc_of(index)).get(..tag)?);
            }
            gcm => {
                let (aad, payload) = packet.split_at_mut(header);
                rest.copy_from_slice(&gcm.seal(rtp_gcm_iv(ssrc, index), aad, payload)?);
            }
        }
        Some(len + tag)
    }

    pub(super) fn open_rtp(&self, packet: &mut [u8], header: usize, ssrc: u32, index: u64) -> Option<usize> {
        let len = packet.len().checked_sub(self.suite.rtp_tag()).filter(|len| *len >= header)?;
        let (packet, tag) = packet.split_at_mut(len);
        match &self.rtp {
            Keys::Counter { cipher, salt, authentication } => {
                let expected = authentic(authentication, packet, &roc_of(index));
                if !same(expected.get(..tag.len())?, tag) {
                    return None;
                }
                counter_mode(cipher.as_ref(), &counter_iv(salt, ssrc, index), packet.get_mut(header..)?);
            }
            gcm => {
                let (aad, payload) = packet.split_at_mut(header);
                gcm.unseal(rtp_gcm_iv(ssrc, index), aad, payload, tag)?;
            }
        }
        Some(len)
    }

    /// Appends the index, and the tag before it (AES-GCM, RFC 7714 §9) or behind it (RFC 3711 §3.4).
    pub(super) fn protect_rtcp(&self, buffer: &mut [u8], len: usize, ssrc: u32, index: u32) -> Option<usize> {
        let tag = self.suite.rtcp_tag();
        let word = (index | ENCRYPTED).to_be_bytes();
        let whole = buffer.get_mut(..len + 4 + tag).filter(|_| len >= RTCP_CLEAR)?;
        match &self.rtcp {
            Keys::Counter { cipher, salt, authentication } => {
                counter_mode(cipher.as_ref(), &counter_iv(salt, ssrc, u64::from(index)), &mut whole[RTCP_CLEAR..len]);
                whole[len..len + 4].copy_from_slice(&word);
                let expected = authentic(authentication, &whole[..len + 4], &[]);
                whole[len + 4..].copy_from_slice(expected.get(..tag)?);
            }
            gcm => {
                let aad = rtcp_aad(whole, word)?;
                let sealed = gcm.seal(rtcp_gcm_iv(ssrc, index), &aad, &mut whole[RTCP_CLEAR..len])?;
                whole[len..len + tag].copy_from_slice(&sealed);
                whole[len + tag..].copy_from_slice(&word);
            }
        }
        Some(len + 4 + tag)
    }

    /// The word with the index, its encryption bit included.
    pub(super) fn rtcp_index(&self, packet: &[u8]) -> Option<u32> {
        let behind = if self.suite.is_gcm() { 4 } else { 4 + self.suite.rtcp_tag() };
        super::u32_at(packet, packet.len().checked_sub(behind)?)
    }

    pub(super) fn open_rtcp(&self, packet: &mut [u8], ssrc: u32, word: u32) -> Option<usize> {
        let tag = self.suite.rtcp_tag();
        let len = packet.len().checked_sub(4 + tag).filter(|len| *len >= RTCP_CLEAR)?;
        let (index, encrypted) = (word & !ENCRYPTED, word & ENCRYPTED != 0);
        match &self.rtcp {
            Keys::Counter { cipher, salt, authentication } => {
                let expected = authentic(authentication, &packet[..len + 4], &[]);
                if !same(expected.get(..tag)?, &packet[len + 4..]) {
                    return None;
                }
                if encrypted {
                    counter_mode(cipher.as_ref(), &counter_iv(salt, ssrc, u64::from(index)), &mut packet[RTCP_CLEAR..len]);
                }
            }
            // We never asked for RTCP without encryption, and RFC 7714 §9.3 would authenticate it otherwise.
            _ if !encrypted => return None,
            gcm => {
                let aad = rtcp_aad(packet, word.to_be_bytes())?;
                let (body, rest) = packet.split_at_mut(len);
                gcm.unseal(rtcp_gcm_iv(ssrc, index), &aad, &mut body[RTCP_CLEAR..], &rest[..tag])?;
            }
        }
        Some(len)
    }
}

impl Keys {
    /// RFC 3711 §4.3: with a key derivation rate of 0.
    fn derive(master: &MasterKey, protocol: u8) -> Keys {
        let mut salt = [0; 14];
        let (key, salt_bytes) = master.key_and_salt().split_at(master.suite().key());
        salt[..salt_bytes.len()].copy_from_slice(salt_bytes);
        let (mut encryption, mut authentication, mut salting) = ([0; 32], [0; 20], [0; 14]);
        let encryption = &mut encryption[..master.suite().key()];
        derived(key, &salt, ENCRYPTION + protocol, encryption);
        derived(key, &salt, AUTHENTICATION + protocol, &mut authentication);
        derived(key, &salt, SALTING + protocol, &mut salting);
        Keys::new(master.suite(), encryption, &authentication, &salting)
    }

    /// From session keys. `encryption` has the suite's length; of `salt` AES-GCM uses the first 12 bytes.
    pub(super) fn new(suite: Suite, encryption: &[u8], authentication: &[u8; 20], salt: &[u8; 14]) -> Keys {
        let [s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, ..] = *salt;
        let short = [s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11];
        match suite {
            Suite::AesCm128Sha1Tag80 | Suite::AesCm128Sha1Tag32 => Keys::Counter {
                cipher: Box::new(Aes128::new(GenericArray::from_slice(encryption))),
                salt: *salt,
                authentication: <Hmac<Sha1> as Mac>::new(&hmac_key(authentication)),
            },
            Suite::AesGcm128 => {
                Keys::Gcm128 { cipher: Box::new(Aes128Gcm::new(GenericArray::from_slice(encryption))), salt: short }
            }
            Suite::AesGcm256 => {
                Keys::Gcm256 { cipher: Box::new(Aes256Gcm::new(GenericArray::from_slice(encryption))), salt: short }
            }
        }
    }

    /// Encrypts in place; the tag.
    fn seal(&self, iv: [u8; 12], aad: &[u8], payload: &mut [u8]) -> Option<[u8; 16]> {
        let tag = match self {
            Keys::Gcm128 { cipher, salt } => cipher.encrypt_in_place_detached(&salted(iv, salt).into(), aad, payload),
            Keys::Gcm256 { cipher, salt } => cipher.encrypt_in_place_detached(&salted(iv, salt).into(), aad, payload),
            Keys::Counter { .. } => return None,
        };
        tag.ok().map(Into::into)
    }

    /// Checks and decrypts in place.
    fn unseal(&self, iv: [u8; 12], aad: &[u8], payload: &mut [u8], tag: &[u8]) -> Option<()> {
        let tag: &[u8; 16] = tag.first_chunk()?;
        let opened = match self {
            Keys::Gcm128 { cipher, salt } => {
                cipher.decrypt_in_place_detached(&salted(iv, salt).into(), aad, payload, tag.into())
            }
            Keys::Gcm256 { cipher, salt } => {
                cipher.decrypt_in_place_detached(&salted(iv, salt).into(), aad, payload, tag.into())
            }
            Keys::Counter { .. } => return None,
        };
        opened.ok()
    }
}

/// The key of HMAC-SHA1 filled up to its block (RFC 2104 §2).
fn hmac_key(key: &[u8; 20]) -> GenericArray<u8, <Hmac<Sha1> as hmac::digest::crypto_common::KeySizeUser>::KeySize> {
    let mut block = GenericArray::default();
    block[..20].copy_from_slice(key);
    block
}

/// `out` gets the key of this label: AES-CM over the label beside the salt (RFC 3711 §4.3.3).
fn derived(key: &[u8], salt: &[u8; 14], label: u8, out: &mut [u8]) {
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(salt);
    iv[7] ^= label;
    out.fill(0);
    if key.len() == 32 {
        counter_mode(&Aes256::new(GenericArray::from_slice(key)), &iv, out);
    } else {
        counter_mode(&Aes128::new(GenericArray::from_slice(key)), &iv, out);
    }
}

/// AES in counter mode over `data` (RFC 3711 §4.1.1); at most 2^16 blocks.
pub(super) fn counter_mode<C: BlockEncrypt<BlockSize = aes::cipher::consts::U16>>(cipher: &C, iv: &[u8; 16], data: &mut [u8]) {
    for (n, block) in (0u16..=u16::MAX).zip(data.chunks_mut(16)) {
        let mut stream = GenericArray::from(*iv);
        let [high, low] = (u16::from_be_bytes([iv[14], iv[15]]).wrapping_add(n)).to_be_bytes();
        (stream[14], stream[15]) = (high, low);
        cipher.encrypt_block(&mut stream);
        block.iter_mut().zip(&stream).for_each(|(byte, key)| *byte ^= key);
    }
}

/// Salt, sender and index side by side (RFC 3711 §4.1.1).
fn counter_iv(salt: &[u8; 14], ssrc: u32, index: u64) -> [u8; 16] {
    let mut iv = [0; 16];
    iv[..14].copy_from_slice(salt);
    iv[4..8].iter_mut().zip(ssrc.to_be_bytes()).for_each(|(a, b)| *a ^= b);
    iv[8..14].iter_mut().zip(&index.to_be_bytes()[2..]).for_each(|(a, b)| *a ^= b);
    iv
}

/// RFC 7714 §8.1, before the salt.
fn rtp_gcm_iv(ssrc: u32, index: u64) -> [u8; 12] {
    let mut iv = [0; 12];
    iv[2..6].copy_from_slice(&ssrc.to_be_bytes());
    iv[6..].copy_from_slice(&index.to_be_bytes()[2..]);
    iv
}

/// RFC 7714 §9.1, before the salt.
fn rtcp_gcm_iv(ssrc: u32, index: u32) -> [u8; 12] {
    let mut iv = [0; 12];
    iv[2..6].copy_from_slice(&ssrc.to_be_bytes());
    iv[8..].copy_from_slice(&index.to_be_bytes());
    iv
}

fn salted(mut iv: [u8; 12], salt: &[u8; 12]) -> [u8; 12] {
    iv.iter_mut().zip(salt).for_each(|(a, b)| *a ^= b);
    iv
}

/// What AES-GCM authenticates beside the encrypted part of RTCP (RFC 7714 §9.2).
fn rtcp_aad(packet: &[u8], word: [u8; 4]) -> Option<[u8; 12]> {
    let mut aad = [0; 12];
    aad[..RTCP_CLEAR].copy_from_slice(packet.get(..RTCP_CLEAR)?);
    aad[RTCP_CLEAR..].copy_from_slice(&word);
    Some(aad)
}

/// The rollover counter, as it is authenticated behind the packet (RFC 3711 §4.2).
fn roc_of(index: u64) -> [u8; 4] {
    let [_, _, a, b, c, d, _, _] = index.to_be_bytes();
    [a, b, c, d]
}

fn authentic(keyed: &Hmac<Sha1>, packet: &[u8], behind: &[u8]) -> [u8; 20] {
    let mut mac = keyed.clone();
    mac.update(packet);
    mac.update(behind);
    mac.finalize().into_bytes().into()
}

fn same(a: &[u8], b: &[u8]) -> bool {
    a.ct_eq(b).into()
}

#[cfg(test)]
impl Session {
    /// From session keys, for the RFCs' test vectors.
    pub(super) fn with_keys(suite: Suite, encryption: &[u8], salt: &[u8; 14]) -> Session {
        let keys = || Keys::new(suite, encryption, &[0; 20], salt);
        Session { suite, rtp: keys(), rtcp: keys() }
    }
}

#[cfg(test)]
pub(super) fn derived_for_test(key: &[u8], salt: &[u8; 14], label: u8, out: &mut [u8]) {
    derived(key, salt, label, out);
}
