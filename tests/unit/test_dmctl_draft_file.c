// SPDX-License-Identifier: Apache-2.0
/*
 * Files by their names, what lies beside them, and images by name in Podman's store: in a /run,
 * /var/lib and /etc/containers of this test's own. Needs root.
 */
#include "docker_tree.h"

#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>
#include <openssl/evp.h>

#include "dmctl/draft/draft_file.h"
#include "dmctl/engine/engines.h"
#include "dmctl/engine/engine_store.h"

#define STORE "/var/lib/containers/storage"
#define MORE "/run/more"
#define OTHER "{\"config\":{\"Cmd\":[\"/other\"]}}"

static char other[72];

static void put_config(const char *root, const char *config, char digest[static 72])
{
	cc_auto_free char *path = NULL;
	char base64[128];

	cc_sha256_digest(config, strlen(config), digest);
	/* base64 of "sha256:…", as containers/storage names what is no word */
	EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)digest,
			(int)strlen(digest));
	assert_true(asprintf(&path, "overlay-images/%s/=%s", digest + 7, base64) > 0);
	put(root, path, config);
}

/* An entry of images.json. */
static char *entry(const char *digest, const char *names)
{
	char *text;

	assert_true(asprintf(&text, "{\"id\":\"%s\",\"names\":[%s],\"big-data-names\":[]}",
			     digest + 7, names) > 0);
	return text;
}

static void put_images(const char *root, const char *first, const char *second)
{
	cc_auto_free char *a = first ? entry(image, first) : NULL;
	cc_auto_free char *b = second ? entry(other, second) : NULL, *list = NULL;

	assert_true(asprintf(&list, "[%s%s%s]", a ? a : "", a && b ? "," : "", b ? b : "") > 0);
	put(root, "overlay-images/images.json", list);
}

static int find(const char *name, struct engine_container *c, struct cc_error *err)
{
	cc_auto_free char *volumes = NULL;
	int rc = engine_podman.describe_image(name, c, &volumes, err);

	if (rc == 0)
		assert_string_equal(volumes, STORE "/volumes");
	return rc;
}

static void is_found(const char *name, const char *digest)
{
	engine_auto_container struct engine_container c = {.engine = &engine_podman};
	struct cc_error err = {0};

	expect_ok(find(name, &c, &err), &err);
	assert_string_equal(c.image_id, digest);
	assert_string_equal(c.image_ref, name);
	assert_string_equal(c.image_config, digest == image ? IMAGE : OTHER);
}

static void is_not_found(const char *name, enum cc_code code, const char *says)
{
	engine_auto_container struct engine_container c = {.engine = &engine_podman};
	struct cc_error err = {0};

	assert_int_equal(find(name, &c, &err), -1);
	expect_error(&err, code, code == CC_E_REFUSED ? "image" : "", says);
}

static void an_image_is_found_by_whole_and_by_short_names(void **state)
{
	(void)state;
	put_images(
		STORE,
		"\"docker.io/library/db:1\",\"docker.io/library/db:latest\",\"reg.example:5000/a/b:2\"",
		"\"localhost/app:1\",\"docker.io/shop/app:1\"");
	is_found("db:1", image);
	is_found("db", image);
	is_found("docker.io/library/db", image);
	is_found("reg.example:5000/a/b:2", image);
	is_found("app:1", other);
	is_found("shop/app:1", other);
	is_not_found("db:2", CC_E_NOTFOUND, "podman has no image db:2; \"podman pull db:2\"");
	is_not_found("library/app:1", CC_E_NOTFOUND, "podman has no image");
	is_not_found("../db", CC_E_INVALID, "not a name of an image");
	is_not_found("--root=/x", CC_E_INVALID, "not a name of an image");
	is_not_found("", CC_E_INVALID, "not a name of an image");
}

static void a_short_name_of_two_images_is_refused(void **state)
{
	(void)state;
	put_images(STORE, "\"docker.io/library/db:1\"", "\"localhost/db:1\"");
	is_not_found("db:1", CC_E_USAGE, "write the name with its registry");
	is_found("localhost/db:1", other);
}

static void images_of_further_stores_are_found(void **state)
{
	(void)state;
	put("/etc/containers", "storage.conf",
	    "[storage]\n[storage.options]\nadditionalimagestores = [\"" MORE "\"]\n");
	put_images(STORE, "\"docker.io/library/db:1\"", NULL);
	put_images(MORE, NULL, "\"localhost/far:1\"");
	put_config(MORE, OTHER, other);
	is_found("far:1", other);
	is_found("db:1", image);
	unlink("/etc/containers/storage.conf");
}

static void a_configuration_that_was_changed_is_refused(void **state)
{
	cc_auto_free char *path = NULL;
	char base64[128];

	(void)state;
	put_images(STORE, "\"docker.io/library/db:1\"", NULL);
	EVP_EncodeBlock((unsigned char *)base64, (const unsigned char *)image, (int)strlen(image));
	assert_true(asprintf(&path, "overlay-images/%s/=%s", image + 7, base64) > 0);
	put(STORE, path, OTHER);
	is_not_found("db:1", CC_E_REFUSED, "the engine's store was changed");
	put(STORE, path, IMAGE);
}

/* ---- files --------------------------------------------------------------------------------- */

static struct cc_measurement *measured(const struct draft_file *f, bool *asks, struct cc_error *err)
{
	put_images(STORE, "\"docker.io/library/db:1\"", NULL);
	return draft_file_measure(f, asks, err);
}

static void is_refused(const struct draft_file *f, enum cc_code code, const char *says)
{
	struct cc_error err = {0};
	bool asks;

	assert_null(measured(f, &asks, &err));
	expect_error(&err, code, "", says);
}

static void a_file_is_told_by_its_name(void **state)
{
	static const char *const files[] = {"db.container", "/x/y.yaml", "y.yml#db",
					    "./db@.container"};
	static const char *const containers[] = {"db", "yaml", ".yaml", "db.container.1", "db#x"};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		assert_true(draft_is_file(files[i]));
	for (size_t i = 0; i < sizeof(containers) / sizeof(containers[0]); i++)
		assert_false(draft_is_file(containers[i]));
}

static void a_container_file_is_measured_with_its_image(void **state)
{
	const struct draft_file f = {.from = "/run/u/db.container", .volume = "vol"};
	cc_auto_measurement struct cc_measurement *m = NULL;
	struct cc_error err = {0};
	bool asks = true;

	(void)state;
	put("/run/u", "db.container", "[Container]\nImage=db:1\nVolume=./x:/x\nExec=a\n");
	m = measured(&f, &asks, &err);
	if (!m)
		fail_msg("%s", err.text);
	assert_false(asks);
	assert_string_equal(m->engine, "podman");
	assert_string_equal(m->image_id, image);
	assert_string_equal(m->args.v[0], "a");
	assert_string_equal(m->mounts[0].source, "/run/u/x");
	put("/run/u", "db.container",
	    "[Container]\nImage=db:1\nAddDevice=container-crypt/volume=vol\n");
	cc_measurement_free(m);
	m = measured(&f, &asks, &err);
	assert_non_null(m);
	assert_true(asks);
}

static void what_would_be_read_as_well_is_refused(void **state)
{
	const struct draft_file unit = {.from = "/run/d/db.container", .volume = "vol"};
	const struct draft_file compose = {.from = "/run/d/compose.yaml", .volume = "vol"};

	(void)state;
	put("/run/d", "db.container", "[Container]\nImage=db:1\n");
	put("/run/d", "compose.yaml", "services: {db: {image: x}}\n");
	mkdir("/run/d/db.container.d", 0755);
	is_refused(&unit, CC_E_INVALID, "/run/d/db.container.d would be read as well");
	rmdir("/run/d/db.container.d");
	mkdir("/run/d/container.d", 0755);
	is_refused(&unit, CC_E_INVALID, "/run/d/container.d would be read as well");
	rmdir("/run/d/container.d");
	put("/run/d", "docker-compose.override.yml", "");
	is_refused(&compose, CC_E_INVALID, "docker compose config");
}

static void what_does_not_go_together_is_refused(void **state)
{
	struct draft_file f = {.from = "/run/u/db.container", .volume = "vol", .engine = "docker"};

	(void)state;
	put("/run/u", "db.container", "[Container]\nImage=none:1\n");
	put("/run/u", "x.yaml", "services: {db: {image: x, command: $X}}\n");
	is_refused(&f, CC_E_USAGE, "is read as podman would start it");
	f.engine = NULL;
	is_refused(&f, CC_E_NOTFOUND, "podman has no image none:1");
	f.env_file = "/run/u/x.yaml";
	is_refused(&f, CC_E_USAGE, "--env-file");
	f = (struct draft_file){
		.from = "/run/u/x.yaml#db", .volume = "vol", .env_file = "/run/none"};
	is_refused(&f, CC_E_NOTFOUND, "/run/none");
	f.env_file = NULL;
	is_refused(&f, CC_E_INVALID,
		   "/run/u/x.yaml: services.db: command: variable X is not known");
	f.from = "/run/u/x.yaml#other";
	is_refused(&f, CC_E_NOTFOUND, "it has no service \"other\"");
	f.from = "/run/u/none.yaml";
	is_refused(&f, CC_E_NOTFOUND, "/run/u/none.yaml");
	mkdir("/run/u/dir.yaml", 0755);
	f.from = "/run/u/dir.yaml";
	is_refused(&f, CC_E_INVALID, "is not a file");
}

static int own_places(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) ||
	    mount("tmpfs", "/var/lib", "tmpfs", 0, NULL) ||
	    mount("tmpfs", "/etc", "tmpfs", 0, NULL))
		return -1;
	put_config(STORE, IMAGE, image);
	put_config(STORE, OTHER, other);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_is_found_by_whole_and_by_short_names),
		cmocka_unit_test(a_short_name_of_two_images_is_refused),
		cmocka_unit_test(images_of_further_stores_are_found),
		cmocka_unit_test(a_configuration_that_was_changed_is_refused),
		cmocka_unit_test(a_file_is_told_by_its_name),
		cmocka_unit_test(a_container_file_is_measured_with_its_image),
		cmocka_unit_test(what_would_be_read_as_well_is_refused),
		cmocka_unit_test(what_does_not_go_together_is_refused),
	};

	return cmocka_run_group_tests(tests, own_places, NULL);
}
