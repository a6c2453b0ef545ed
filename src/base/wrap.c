#include "wrap.h"

#include <string.h>

#include "crypto.h"
#include "error.h"
#include "secret.h"
#include "text.h"

#define MAGIC      "\x93SRKEY\n\x01"
#define MAGIC_SIZE 8
#define MAGIC_LEFT 5 /* So many bytes of it tell what was wrapped. */
#define ID_SIZE    8
#define HEAD_SIZE  (MAGIC_SIZE + ID_SIZE)
#define NONCE_SIZE 12
#define TAG_SIZE   16

/* ---- Master keys ---- */

/* One block of output is as long as what is asked for: so much of the RFC is needed. */
sr_status sr_hkdf(const unsigned char *secret, size_t length, const char *purpose,
		  unsigned char out[32])
{
	static const unsigned char salt[32];
	unsigned char extracted[32], info[128];
	size_t n = strlen(purpose);
	unsigned int size = 32;
	const sr_crypto *crypto;
	sr_status rc;

	if ((rc = sr_crypto_get(&crypto)) != SR_OK)
		return rc;
	if (n >= sizeof(info))
		return sr_fail(SR_INVALID, "the purpose of a key has %zu bytes", n);
	memcpy(info, purpose, n);
	info[n] = 1;
	if (crypto->HMAC(crypto->EVP_sha256(), salt, sizeof(salt), secret, length, extracted,
			 &size) == NULL ||
	    crypto->HMAC(crypto->EVP_sha256(), extracted, sizeof(extracted), info, n + 1, out,
			 &size) == NULL)
		rc = sr_fail(SR_IO, "libcrypto does not make keys with HMAC-SHA256");
	explicit_bzero(extracted, sizeof(extracted));
	sr_stack_scrub();
	return rc;
}

sr_status sr_master_derive(sr_master *master)
{
	unsigned char id[32];
	sr_status rc;

	if ((rc = sr_hkdf(master->secret, SR_MASTER_SIZE, "strongroom: id of a master key", id)) !=
		    SR_OK ||
	    (rc = sr_hkdf(master->secret, SR_MASTER_SIZE, "strongroom: wrapping clients' AES keys",
			  master->wrapping)) != SR_OK)
		return rc;
	sr_hex(id, ID_SIZE, master->id);
	return SR_OK;
}

sr_status sr_master_new(sr_master *master)
{
	const sr_crypto *crypto;
	sr_status rc;

	*master = (sr_master){0};
	if ((rc = sr_crypto_get(&crypto)) != SR_OK)
		return rc;
	if (crypto->RAND_bytes(master->secret, SR_MASTER_SIZE) != 1)
		return sr_fail(SR_IO, "the system gives no random bytes");
	sr_time_format(sr_time_now() / 1000000 * 1000000, master->made);
	return sr_master_derive(master);
}

/* ---- Wrapped keys ---- */

bool sr_is_wrapped(sr_text bytes)
{
	return bytes.data != NULL && bytes.length >= SR_WRAP_MORE &&
	       memcmp(bytes.data, MAGIC, MAGIC_SIZE) == 0;
}

bool sr_was_wrapped(sr_text bytes)
{
	size_t agree = 0;

	for (size_t i = 0; i < MAGIC_SIZE && bytes.data != NULL && i < bytes.length; i++)
		agree += bytes.data[i] == MAGIC[i];
	return agree >= MAGIC_LEFT && !sr_is_wrapped(bytes);
}

void sr_wrapped_id(sr_text wrapped, char id[SR_MASTER_ID_SIZE])
{
	sr_hex(wrapped.data + MAGIC_SIZE, ID_SIZE, id);
}

static void put_head(const sr_master *master, unsigned char *out)
{
	memcpy(out, MAGIC, MAGIC_SIZE);
	for (size_t i = 0; i < ID_SIZE; i++) {
		const char *digits = master->id + 2 * i;
		unsigned high =
			(unsigned)(digits[0] <= '9' ? digits[0] - '0' : digits[0] - 'a' + 10);
		unsigned low =
			(unsigned)(digits[1] <= '9' ? digits[1] - '0' : digits[1] - 'a' + 10);

		out[MAGIC_SIZE + i] = (unsigned char)(high << 4 | low);
	}
}

/* Freed by EVP_CIPHER_CTX_free. */
static sr_status make_cipher(const sr_crypto **crypto, EVP_CIPHER_CTX **cipher)
{
	sr_status rc = sr_crypto_get(crypto);

	if (rc == SR_OK && (*cipher = (*crypto)->EVP_CIPHER_CTX_new()) == NULL)
		rc = sr_fail_memory();
	return rc;
}

/* The cipher with key, nonce and what is authenticated beside the text: the head and the owner. */
static bool begin(const sr_crypto *crypto, EVP_CIPHER_CTX *cipher, const sr_master *master,
		  const unsigned char *head, sr_text owner, int encrypt)
{
	int n;

	return crypto->EVP_CipherInit_ex(cipher, crypto->EVP_aes_256_gcm(), NULL, master->wrapping,
					 head + HEAD_SIZE, encrypt) == 1 &&
	       crypto->EVP_CipherUpdate(cipher, NULL, &n, head, HEAD_SIZE) == 1 &&
	       (owner.length == 0 ||
		crypto->EVP_CipherUpdate(cipher, NULL, &n, (const unsigned char *)owner.data,
					 (int)owner.length) == 1);
}

static bool run(const sr_crypto *crypto, EVP_CIPHER_CTX *cipher, const void *bytes, size_t length,
		unsigned char *out)
{
	int n;

	return length == 0 || crypto->EVP_CipherUpdate(cipher, out, &n, bytes, (int)length) == 1;
}

sr_status sr_wrap(const sr_master *master, sr_text owner, sr_text key, unsigned char *out)
{
	unsigned char *const text = out + HEAD_SIZE + NONCE_SIZE;
	unsigned char rest[TAG_SIZE];
	const sr_crypto *crypto;
	EVP_CIPHER_CTX *cipher;
	sr_status rc;
	int n;

	if ((rc = make_cipher(&crypto, &cipher)) != SR_OK)
		return rc;
	put_head(master, out);
	if (crypto->RAND_bytes(out + HEAD_SIZE, NONCE_SIZE) != 1)
		rc = sr_fail(SR_IO, "the system gives no random bytes");
	else if (!begin(crypto, cipher, master, out, owner, 1) ||
		 !run(crypto, cipher, key.data, key.length, text) ||
		 crypto->EVP_CipherFinal_ex(cipher, rest, &n) != 1 ||
		 crypto->EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_GET_TAG, TAG_SIZE,
					     text + key.length) != 1)
		rc = sr_fail(SR_IO, "libcrypto does not encrypt with AES-256-GCM");
	crypto->EVP_CIPHER_CTX_free(cipher);
	sr_stack_scrub();
	return rc;
}

sr_status sr_unwrap(const sr_master *master, sr_text owner, sr_text wrapped, unsigned char *out,
		    bool *good)
{
	const unsigned char *in = (const unsigned char *)wrapped.data;
	const size_t length = wrapped.length - SR_WRAP_MORE;
	unsigned char rest[TAG_SIZE], tag[TAG_SIZE];
	const sr_crypto *crypto;
	EVP_CIPHER_CTX *cipher;
	sr_status rc;
	int n;

	*good = false;
	if ((rc = make_cipher(&crypto, &cipher)) != SR_OK)
		return rc;
	memcpy(tag, in + wrapped.length - TAG_SIZE, TAG_SIZE);
	if (!begin(crypto, cipher, master, in, owner, 0) ||
	    !run(crypto, cipher, in + HEAD_SIZE + NONCE_SIZE, length, out) ||
	    crypto->EVP_CIPHER_CTX_ctrl(cipher, EVP_CTRL_AEAD_SET_TAG, TAG_SIZE, tag) != 1)
		rc = sr_fail(SR_IO, "libcrypto does not decrypt with AES-256-GCM");
	else
		*good = crypto->EVP_CipherFinal_ex(cipher, rest, &n) == 1;
	if (!*good)
		explicit_bzero(out, length);
	/* What it failed at it would keep. */
	crypto->ERR_clear_error();
	crypto->EVP_CIPHER_CTX_free(cipher);
	sr_stack_scrub();
	return rc;
}
