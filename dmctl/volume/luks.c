// SPDX-License-Identifier: Apache-2.0
/*
 * luks.c - the LUKS2 header of a LUN, by libcryptsetup.
 */
#include "volume/luks.h"

#include <errno.h>
#include <inttypes.h>
#include <fcntl.h>
#include <libcryptsetup.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "name.h"

#define SUBSYSTEM "container-crypt"
#define TOKEN_TYPE "container-crypt"
/* LUKS2: two copies of the metadata and the keyslots area fill the first 16 MiB. */
#define METADATA_SIZE (16u * 1024)
#define KEYSLOTS_SIZE (16u * 1024 * 1024 - 2 * METADATA_SIZE)
#define WIPE_BLOCK (1024u * 1024)
/*
 * PBKDF2 rounds of the header's digest. The volume key is random and as long as they come, so
 * stretching adds nothing; and whoever writes to the LUN could make us count for hours.
 */
#define DIGEST_ITERATIONS 1000u
#define DIGEST_ITERATIONS_MAX 20000000u

static void cd_free_ptr(struct crypt_device **cd)
{
	crypt_free(*cd);
}
#define auto_cd cc_cleanup(cd_free_ptr) struct crypt_device

/* What libcryptsetup last complained about; it would print that on stdout or stderr otherwise. */
static _Thread_local char complaint[256];

static void on_log(int level, const char *msg, void *arg)
{
	(void)arg;
	if (level != CRYPT_LOG_ERROR)
		return;
	snprintf(complaint, sizeof(complaint), "%s", msg);
	complaint[strcspn(complaint, "\n")] = '\0';
}

/* Fills @err from the negative errno @rc of libcryptsetup. */
static int luks_fail(struct cc_error *err, enum cc_code code, int rc, const char *device,
		     const char *what)
{
	if (rc == -EBUSY)
		code = CC_E_BUSY;
	else if (rc == -ENOMEM)
		code = CC_E_NOMEM;
	else if (rc == -EACCES)
		code = CC_E_PERM;
	return cc_fail(err, code, "%s: %s: %s", device, what,
		       complaint[0] ? complaint : strerror(-rc));
}

static struct crypt_device *cd_new(const char *device, struct cc_error *err)
{
	struct crypt_device *cd = NULL;
	int rc;

	complaint[0] = '\0';
	crypt_set_log_callback(NULL, on_log, NULL);
	rc = crypt_init(&cd, device);
	if (rc < 0) {
		luks_fail(err, CC_E_DEVICE, rc, device, "cannot be opened");
		return NULL;
	}
	crypt_set_log_callback(cd, on_log, NULL);
	return cd;
}

static char *token_text(const struct cc_volume *v, struct cc_error *err)
{
	cc_auto_json json_t *token = json_pack(
		"{s:s, s:[], s:s, s:s, s:I, s:s}", "type", TOKEN_TYPE, "keyslots", "uuid", v->uuid,
		"name", v->name, "generation", (json_int_t)v->generation, "realm", v->realm);
	char *text = token ? json_dumps(token, JSON_COMPACT) : NULL;

	if (!text)
		cc_fail(err, CC_E_NOMEM, "out of memory");
	return text;
}

static int wipe(struct crypt_device *cd, const char *device, struct cc_error *err)
{
	int rc = crypt_wipe(cd, device, CRYPT_WIPE_ZERO, 0, CC_VOLUME_HEADER_SECTORS * 512ull,
			    WIPE_BLOCK, 0, NULL, NULL);

	if (rc < 0)
		return luks_fail(err, CC_E_DEVICE, rc, device, "the header cannot be wiped");
	return 0;
}

/* crypt_format() gave up: leave no half of a header, and nothing of somebody else's changed. */
static void undo_format(const char *device, const struct cc_volume *v)
{
	struct cc_error ignored;

	if (luks_claims(device, v->uuid))
		luks_wipe(device, &ignored);
}

int luks_format(const char *device, const struct cc_volume *v, const struct cc_secret *key,
		struct cc_error *err)
{
	const struct crypt_pbkdf_type pbkdf = {
		.type = CRYPT_KDF_PBKDF2,
		.hash = "sha256",
		.iterations = DIGEST_ITERATIONS,
		.flags = CRYPT_PBKDF_NO_BENCHMARK,
	};
	struct crypt_params_luks2 params = {
		.pbkdf = &pbkdf,
		.data_alignment = CC_VOLUME_HEADER_SECTORS,
		.sector_size = v->sector_size,
		.subsystem = SUBSYSTEM,
	};
	cc_auto_free char *token = token_text(v, err);
	auto_cd *cd = NULL;
	int rc;

	if (!token)
		return -1;
	cd = cd_new(device, err);
	if (!cd)
		return -1;
	rc = crypt_set_metadata_size(cd, METADATA_SIZE, KEYSLOTS_SIZE);
	if (rc < 0)
		return luks_fail(err, CC_E_INTERNAL, rc, device, "metadata size");
	rc = crypt_set_data_offset(cd, v->offset);
	if (rc < 0)
		return luks_fail(err, CC_E_INTERNAL, rc, device, "data offset");
	rc = crypt_format(cd, CRYPT_LUKS2, "aes", "xts-plain64", v->uuid, (const char *)key->p,
			  key->len, &params);
	if (rc >= 0)
		rc = crypt_token_json_set(cd, CRYPT_ANY_TOKEN, token);
	if (rc < 0) {
		luks_fail(err, CC_E_DEVICE, rc, device, "the LUKS2 header cannot be written");
		crypt_free(cc_steal(cd));
		undo_format(device, v);
		return -1;
	}
	return 0;
}

int luks_wipe(const char *device, struct cc_error *err)
{
	auto_cd *cd = cd_new(device, err);

	if (!cd)
		return -1;
	return wipe(cd, device, err);
}

/* The document libcryptsetup keeps in the header. NULL on error. */
static json_t *metadata(struct crypt_device *cd, const char *device, struct cc_error *err)
{
	const char *text = NULL;
	int rc = crypt_dump_json(cd, &text, 0);

	if (rc < 0) {
		luks_fail(err, CC_E_DEVICE, rc, device, "no metadata in the LUKS2 header");
		return NULL;
	}
	return cc_json_parse(text, strlen(text), "LUKS2 metadata", err);
}

/* Refuses a digest that would keep us busy: it is what a wrong key is told from. */
static int check_digests(const json_t *meta, const char *device, struct cc_error *err)
{
	const json_t *digest;
	const char *id;

	json_object_foreach(json_object_get(meta, "digests"), id, digest) {
		const char *type = json_string_value(json_object_get(digest, "type"));
		json_int_t n = json_integer_value(json_object_get(digest, "iterations"));

		if (!type || strcmp(type, "pbkdf2") || n < 1 || n > DIGEST_ITERATIONS_MAX)
			return cc_fail(
				err, CC_E_DEVICE,
				"%s: digest %s of the LUKS2 header is not PBKDF2 with at most "
				"%u iterations; restore the header from a backup",
				device, id, DIGEST_ITERATIONS_MAX);
	}
	return 0;
}

/* Opens the header; *meta (may be NULL) is its JSON. */
static struct crypt_device *load(const char *device, json_t **meta, struct cc_error *err)
{
	auto_cd *cd = cd_new(device, err);
	cc_auto_json json_t *json = NULL;
	int rc;

	if (!cd)
		return NULL;
	rc = crypt_load(cd, CRYPT_LUKS2, NULL);
	if (rc < 0) {
		luks_fail(err, CC_E_DEVICE, rc, device, "carries no LUKS2 header");
		return NULL;
	}
	json = metadata(cd, device, err);
	if (!json || check_digests(json, device, err))
		return NULL;
	if (meta)
		*meta = cc_steal(json);
	return cc_steal(cd);
}

int luks_read_uuid(const char *device, char uuid[static 37], struct cc_error *err)
{
	auto_cd *cd = load(device, NULL, err);
	const char *s = cd ? crypt_get_uuid(cd) : NULL;
	const char *subsystem = cd ? crypt_get_subsystem(cd) : NULL;

	if (!cd)
		return -1;
	if (!s || !cc_is_uuid(s) || !subsystem || strcmp(subsystem, SUBSYSTEM))
		return cc_fail(err, CC_E_DEVICE,
			       "%s carries a LUKS2 header, but no container-crypt volume", device);
	memcpy(uuid, s, 37);
	return 0;
}

static int differs(struct cc_error *err, const char *device, const char *field, const char *found,
		   const char *want)
{
	return cc_fail(err, CC_E_DEVICE,
		       "%s: %s in the LUKS2 header is %s, keyd's record says %s; wrong LUN, or "
		       "somebody changed its header",
		       device, field, found, want);
}

static int check_text(struct cc_error *err, const char *device, const char *field,
		      const char *found, const char *want)
{
	char shown[96];

	if (found && strcmp(found, want) == 0)
		return 0;
	snprintf(shown, sizeof(shown), "%.90s", found ? found : "absent");
	return differs(err, device, field, shown, want);
}

static int check_number(struct cc_error *err, const char *device, const char *field, uint64_t found,
			uint64_t want)
{
	char f[24], w[24];

	if (found == want)
		return 0;
	snprintf(f, sizeof(f), "%" PRIu64, found);
	snprintf(w, sizeof(w), "%" PRIu64, want);
	return differs(err, device, field, f, w);
}

static const json_t *find_token(const json_t *meta)
{
	const json_t *token;
	const char *id;

	json_object_foreach(json_object_get(meta, "tokens"), id, token) {
		const char *type = json_string_value(json_object_get(token, "type"));

		if (type && strcmp(type, TOKEN_TYPE) == 0)
			return token;
	}
	return NULL;
}

static const char *text_of(const json_t *obj, const char *key)
{
	return json_string_value(json_object_get(obj, key));
}

/*
 * The name is for people: it stays what it was where a volume is renamed without its LUN at hand.
 */
static int check_token(const json_t *meta, const char *device, const struct cc_volume *v,
		       struct cc_error *err)
{
	const json_t *token = find_token(meta);
	json_int_t generation = json_integer_value(json_object_get(token, "generation"));

	if (!token)
		return differs(err, device, "the container-crypt token", "absent", "there is one");
	if (check_text(err, device, "the token's UUID", text_of(token, "uuid"), v->uuid) ||
	    check_text(err, device, "the token's realm", text_of(token, "realm"), v->realm))
		return -1;
	return check_number(err, device, "the token's key generation",
			    generation < 0 ? 0 : (uint64_t)generation, v->generation);
}

/* Exactly one segment, a plain crypt one over the rest of the device, no reencryption. */
static int check_segments(const json_t *meta, const char *device, struct cc_error *err)
{
	const json_t *segments = json_object_get(meta, "segments");
	const json_t *segment = json_object_get(segments, "0");
	const json_t *config = json_object_get(meta, "config");

	if (json_object_size(segments) != 1 || !segment)
		return differs(err, device, "the number of segments", "not 1", "1");
	if (check_text(err, device, "the segment's type", text_of(segment, "type"), "crypt") ||
	    check_text(err, device, "the segment's size", text_of(segment, "size"), "dynamic") ||
	    check_text(err, device, "the IV offset", text_of(segment, "iv_tweak"), "0"))
		return -1;
	if (json_object_get(segment, "integrity") || json_object_get(config, "requirements"))
		return differs(err, device, "a requirement", "there", "there is none");
	return 0;
}

/*
 * udev makes a link of each label, /dev/disk/by-label, and a host that has a file system of the
 * volume's name would mount that link. Headers of before have the name.
 */
static int check_label(const char *label, const char *device, const struct cc_volume *v,
		       struct cc_error *err)
{
	return !label || !label[0] || strcmp(label, v->name) == 0
		       ? 0
		       : differs(err, device, "the label", label, "there is none");
}

/* A header without keyslots does not say how long the key is; luks_verify_key() covers that. */
int luks_check(const char *device, const struct cc_volume *v, struct cc_error *err)
{
	cc_auto_json json_t *meta = NULL;
	auto_cd *cd = load(device, &meta, err);
	char cipher[64];

	if (!cd)
		return -1;
	if (check_text(err, device, "the UUID", crypt_get_uuid(cd), v->uuid) ||
	    check_label(crypt_get_label(cd), device, v, err) ||
	    check_text(err, device, "the subsystem", crypt_get_subsystem(cd), SUBSYSTEM))
		return -1;
	snprintf(cipher, sizeof(cipher), "%s-%s", crypt_get_cipher(cd), crypt_get_cipher_mode(cd));
	if (check_text(err, device, "the cipher", cipher, v->cipher) ||
	    check_number(err, device, "the sector size", (uint64_t)crypt_get_sector_size(cd),
			 v->sector_size) ||
	    check_number(err, device, "the data offset", crypt_get_data_offset(cd), v->offset))
		return -1;
	if (check_segments(meta, device, err))
		return -1;
	return check_token(meta, device, v, err);
}

/* The number of our token; -1 for none. */
static int token_number(const json_t *meta)
{
	const json_t *ours = find_token(meta), *token;
	const char *id;

	json_object_foreach(json_object_get(meta, "tokens"), id, token)
		if (token == ours)
			return atoi(id);
	return -1;
}

int luks_set_name(const char *device, const struct cc_volume *v, struct cc_error *err)
{
	cc_auto_json json_t *meta = NULL;
	auto_cd *cd = load(device, &meta, err);
	cc_auto_free char *text = NULL;
	int rc;

	if (!cd || check_text(err, device, "the UUID", crypt_get_uuid(cd), v->uuid) ||
	    check_text(err, device, "the subsystem", crypt_get_subsystem(cd), SUBSYSTEM))
		return -1;
	if (!find_token(meta))
		return differs(err, device, "the container-crypt token", "absent", "there is one");
	text = token_text(v, err);
	if (!text)
		return -1;
	rc = crypt_set_label(cd, NULL, SUBSYSTEM); /* headers of before have the name there, too */
	if (rc == 0)
		rc = crypt_token_json_set(cd, token_number(meta), text);
	return rc < 0 ? luks_fail(err, CC_E_DEVICE, rc, device, "the name cannot be written") : 0;
}

int luks_verify_key(const char *device, const struct cc_secret *key, struct cc_error *err)
{
	auto_cd *cd = load(device, NULL, err);
	int rc;

	if (!cd)
		return -1;
	rc = crypt_volume_key_verify(cd, (const char *)key->p, key->len);
	if (rc < 0) {
		cc_fail(err, CC_E_INVALID,
			"%s: the key keyd released is not the one of the LUKS2 header's digest; "
			"wrong LUN, or somebody changed its header",
			device);
		snprintf(err->fact, sizeof(err->fact), "key-digest");
		return -1;
	}
	return 0;
}

int luks_backup(const char *device, const char *path, struct cc_error *err)
{
	auto_cd *cd = cd_new(device, err);
	int rc;

	if (!cd)
		return -1;
	rc = crypt_header_backup(cd, CRYPT_LUKS2, path);
	if (rc < 0)
		return luks_fail(err, rc == -EINVAL ? CC_E_EXISTS : CC_E_DEVICE, rc, device,
				 "its header cannot be copied");
	return 0;
}

/* ---- a header in a file --------------------------------------------------------------------- */

void luks_fd_path(int fd, char out[static 32])
{
	snprintf(out, 32, "/proc/self/fd/%d", fd);
}

/* Return: 0; -1 with errno. */
static int copy_file(int from, int to, off_t size)
{
	while (size > 0) {
		ssize_t n = sendfile(to, from, NULL, (size_t)size);

		if (n <= 0) {
			errno = n ? errno : EIO;
			return -1;
		}
		size -= n;
	}
	return 0;
}

int luks_hold(const char *path, struct cc_error *err)
{
	cc_auto_close int file = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	cc_auto_close int copy = -1;
	struct stat st;

	if (file < 0 || fstat(file, &st))
		return cc_fail_errno(err, CC_E_DEVICE, "%s", path);
	if (!S_ISREG(st.st_mode) || st.st_size > CC_VOLUME_HEADER_SECTORS * 512)
		return cc_fail(err, CC_E_INVALID, "%s is not a file that header-backup made", path);
	copy = memfd_create("header", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	if (copy < 0 || copy_file(file, copy, st.st_size) ||
	    fcntl(copy, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL))
		return cc_fail_errno(err, CC_E_INTERNAL, "%s", path);
	return cc_steal_fd(&copy);
}

int luks_restore(const char *device, const char *path, struct cc_error *err)
{
	auto_cd *cd = cd_new(device, err);
	int rc;

	if (!cd)
		return -1;
	rc = crypt_header_restore(cd, CRYPT_LUKS2, path);
	if (rc < 0)
		return luks_fail(err, CC_E_DEVICE, rc, device, "its header cannot be written");
	return 0;
}
