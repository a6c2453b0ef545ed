/* What is called of libcrypto, which library.h loads when it is needed. */
#ifndef SR_CRYPTO_H
#define SR_CRYPTO_H

#include <openssl/crypto.h>
#include <openssl/decoder.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <openssl/x509.h>

#include "library.h"

#define SR_CRYPTO_CALLS(CALL)                                                                      \
	CALL(CRYPTO_free)                                                                          \
	CALL(ERR_clear_error)                                                                      \
	CALL(EVP_CIPHER_CTX_ctrl)                                                                  \
	CALL(EVP_CIPHER_CTX_free)                                                                  \
	CALL(EVP_CIPHER_CTX_new)                                                                   \
	CALL(EVP_CipherFinal_ex)                                                                   \
	CALL(EVP_CipherInit_ex)                                                                    \
	CALL(EVP_CipherUpdate)                                                                     \
	CALL(EVP_DecodeBlock)                                                                      \
	CALL(EVP_Digest)                                                                           \
	CALL(EVP_DigestFinal_ex)                                                                   \
	CALL(EVP_DigestInit_ex)                                                                    \
	CALL(EVP_DigestUpdate)                                                                     \
	CALL(EVP_EncodeBlock)                                                                      \
	CALL(EVP_MD_CTX_free)                                                                      \
	CALL(EVP_MD_CTX_get0_md)                                                                   \
	CALL(EVP_MD_CTX_new)                                                                       \
	CALL(EVP_PBE_scrypt)                                                                       \
	CALL(EVP_PKEY_free)                                                                        \
	CALL(EVP_aes_256_gcm)                                                                      \
	CALL(EVP_chacha20_poly1305)                                                                \
	CALL(EVP_sha256)                                                                           \
	CALL(HMAC)                                                                                 \
	CALL(OSSL_DECODER_CTX_free)                                                                \
	CALL(OSSL_DECODER_CTX_new_for_pkey)                                                        \
	CALL(OSSL_DECODER_from_data)                                                               \
	CALL(RAND_bytes)                                                                           \
	CALL(i2d_PUBKEY)

typedef struct sr_crypto {
	SR_CRYPTO_CALLS(SR_LIBRARY_POINTER)
} sr_crypto;

/* Static, and the same for everybody. */
SR_MUST_CHECK sr_status sr_crypto_get(const sr_crypto **crypto);

#endif
