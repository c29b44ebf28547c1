// SPDX-License-Identifier: Apache-2.0
/*
 * probe.c - may this block device become a volume?
 */
#include "volume/probe.h"

#include <blkid/blkid.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmount/libmount.h>
#include <linux/fs.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "strv.h"

#define BY_ID "/dev/disk/by-id"
#define DISK "/dev/disk/"
#define LOCK_MS 5000u /* longest wait for udev to be done with the device */
#define POLL_MS 50u

static void free_probe_ptr(blkid_probe *pr)
{
	blkid_free_probe(*pr);
}

/* ---- names --------------------------------------------------------------------------------- */

/* Names a storage system assigns before names made of a model and a serial number. */
static size_t rank(const char *name)
{
	static const char *const order[] = {"dm-uuid-mpath-", "wwn-",  "nvme-eui.", "nvme-uuid.",
					    "scsi-",	      "nvme-", "virtio-",   "ata-"};
	size_t i;

	for (i = 0; i < sizeof(order) / sizeof(order[0]); i++)
		if (strncmp(name, order[i], strlen(order[i])) == 0)
			break;
	return i;
}

static bool is_better(const char *name, const char *best)
{
	if (!best || rank(name) != rank(best))
		return !best || rank(name) < rank(best);
	return strcmp(name, best) < 0;
}

/* Best name in BY_ID that leads to device @dev, NULL if there is none. */
static char *by_id_name(dev_t dev)
{
	cc_auto_closedir DIR *dir = opendir(BY_ID);
	char *best = NULL;
	const struct dirent *e;
	struct stat st;

	while (dir && (e = readdir(dir))) {
		char path[sizeof(BY_ID) + sizeof(e->d_name)];

		snprintf(path, sizeof(path), BY_ID "/%s", e->d_name);
		if (e->d_name[0] == '.' || stat(path, &st) || !S_ISBLK(st.st_mode) ||
		    st.st_rdev != dev || !is_better(e->d_name, best))
			continue;
		free(best);
		best = strdup(e->d_name);
		if (!best)
			break;
	}
	return best;
}

static bool is_stable(const char *path)
{
	return strncmp(path, BY_ID "/", strlen(BY_ID) + 1) == 0;
}

char *probe_stable_name(const char *device, struct cc_error *err)
{
	cc_auto_free char *name = NULL;
	char *path = NULL;
	struct stat st;

	if (!is_stable(device) && stat(device, &st) == 0 && S_ISBLK(st.st_mode))
		name = by_id_name(st.st_rdev);
	if (!name)
		path = strdup(device);
	else if (asprintf(&path, BY_ID "/%s", name) < 0)
		path = NULL;
	if (!path)
		cc_fail(err, CC_E_NOMEM, "out of memory");
	return path;
}

/* ---- busy ---------------------------------------------------------------------------------- */

/* Where @dev is mounted, malloced, or NULL. */
static char *mounted_at(dev_t dev)
{
	struct libmnt_table *table = mnt_new_table_from_file("/proc/self/mountinfo");
	struct libmnt_fs *fs = table ? mnt_table_find_devno(table, dev, MNT_ITER_BACKWARD) : NULL;
	char *target = fs ? strdup(mnt_fs_get_target(fs)) : NULL;

	mnt_unref_table(table);
	return target;
}

/* First device stacked on @dev ("dm-3"), malloced, or NULL. */
static char *holder_of(dev_t dev)
{
	cc_auto_closedir DIR *dir = NULL;
	const struct dirent *e;
	char path[64];

	snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/holders", major(dev), minor(dev));
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (e->d_name[0] != '.')
			return strdup(e->d_name);
	return NULL;
}

static int check_idle(const char *device, dev_t dev, struct cc_error *err)
{
	cc_auto_free char *target = mounted_at(dev);
	cc_auto_free char *holder = target ? NULL : holder_of(dev);
	cc_auto_close int fd = -1;

	if (target)
		return cc_fail(err, CC_E_BUSY, "%s is mounted on %s; unmount it first", device,
			       target);
	if (holder)
		return cc_fail(err, CC_E_BUSY, "%s is in use by the device %s; see \"lsblk %s\"",
			       device, holder, device);
	/* catches swap, partitions in use and anybody else who claimed it */
	fd = open(device, O_RDWR | O_EXCL | O_CLOEXEC);
	if (fd >= 0)
		return 0;
	if (errno == EBUSY)
		return cc_fail(err, CC_E_BUSY,
			       "%s is in use (mounted, swap, a partition of it, or a process); see "
			       "\"lsblk %s\" and \"lsof %s\"",
			       device, device, device);
	return cc_fail_errno(err, CC_E_DEVICE, "%s cannot be opened for writing", device);
}

/* ---- signatures ---------------------------------------------------------------------------- */

/*
 * Looks for everything blkid knows, one blkid_do_probe() after the other. Not
 * blkid_do_safeprobe(): that hides what is there when two signatures contradict each other.
 */
static blkid_probe signature_probe(int fd)
{
	blkid_probe pr = blkid_new_probe();

	if (pr && blkid_probe_set_device(pr, fd, 0, 0)) {
		blkid_free_probe(pr);
		pr = NULL;
	}
	if (!pr)
		return NULL;
	blkid_probe_enable_superblocks(pr, 1);
	blkid_probe_set_superblocks_flags(pr, BLKID_SUBLKS_TYPE | BLKID_SUBLKS_MAGIC |
						      BLKID_SUBLKS_BADCSUM);
	blkid_probe_enable_partitions(pr, 1);
	blkid_probe_set_partitions_flags(pr, BLKID_PARTS_MAGIC | BLKID_PARTS_FORCE_GPT);
	return pr;
}

static int find_signatures(struct probe *p, struct cc_error *err)
{
	cc_cleanup(free_probe_ptr) blkid_probe pr = signature_probe(p->fd);
	const char *type;
	int rc;

	if (!pr)
		return cc_fail(err, CC_E_DEVICE, "%s cannot be probed", p->path);
	while ((rc = blkid_do_probe(pr)) == 0) {
		if (blkid_probe_lookup_value(pr, "TYPE", &type, NULL) &&
		    blkid_probe_lookup_value(pr, "PTTYPE", &type, NULL))
			continue;
		if (!cc_strv_has(&p->signatures, type) && cc_strv_push(&p->signatures, type, err))
			return -1;
	}
	if (rc < 0)
		return cc_fail_errno(err, CC_E_DEVICE, "%s cannot be read", p->path);
	return 0;
}

int probe_wipe_signatures(const struct probe *p, struct cc_error *err)
{
	cc_auto_close int fd = -1;
	cc_cleanup(free_probe_ptr) blkid_probe pr = NULL;

	if (!p->signatures.n)
		return 0;
	fd = open(p->path, O_RDWR | O_EXCL | O_CLOEXEC);
	if (fd < 0)
		return cc_fail_errno(err, CC_E_DEVICE, "%s cannot be opened for writing", p->path);
	pr = signature_probe(fd);
	if (!pr)
		return cc_fail(err, CC_E_DEVICE, "%s cannot be probed", p->path);
	while (blkid_do_probe(pr) == 0)
		if (blkid_do_wipe(pr, 0))
			return cc_fail_errno(err, CC_E_DEVICE,
					     "the signatures on %s cannot be wiped", p->path);
	if (fsync(fd))
		return cc_fail_errno(err, CC_E_DEVICE, "%s", p->path);
	/* the kernel forgets the partitions; fails where there can be none */
	ioctl(fd, BLKRRPART);
	return 0;
}

int probe_refuse_signatures(const struct probe *p, const struct cc_strv *allowed,
			    struct cc_error *err)
{
	for (size_t i = 0; i < p->signatures.n; i++) {
		const char *type = p->signatures.v[i];

		if (!cc_strv_has(allowed, type))
			return cc_fail(err, CC_E_DEVICE,
				       "%s carries a signature of %s; nothing was changed. If what "
				       "is on it may be destroyed, add --wipe-signature %s",
				       p->path, type, type);
	}
	return 0;
}

/* ---- the device ---------------------------------------------------------------------------- */

static int open_locked(const char *device, struct probe *p, struct cc_error *err)
{
	const struct timespec pause = {.tv_nsec = POLL_MS * 1000000L};

	/* not O_EXCL: others (libcryptsetup, device-mapper) claim it while we hold this one */
	p->fd = open(device, O_RDONLY | O_CLOEXEC);
	if (p->fd < 0)
		return cc_fail_errno(err, CC_E_DEVICE, "%s cannot be opened", device);
	/* udev holds a shared lock for the moment in which it probes; others keep theirs */
	for (unsigned int waited = 0; flock(p->fd, LOCK_EX | LOCK_NB); waited += POLL_MS) {
		if (errno != EWOULDBLOCK)
			return cc_fail_errno(err, CC_E_DEVICE, "%s cannot be locked", device);
		if (waited >= LOCK_MS)
			return cc_fail(err, CC_E_BUSY,
				       "%s is locked by another process; see \"lslocks\"", device);
		nanosleep(&pause, NULL);
	}
	return 0;
}

static int check_writable(const struct probe *p, struct cc_error *err)
{
	int ro = 0;

	if (ioctl(p->fd, BLKROGET, &ro))
		return cc_fail_errno(err, CC_E_DEVICE, "%s", p->path);
	if (ro)
		return cc_fail(err, CC_E_DEVICE,
			       "%s is read-only; see \"blockdev --getro %s\" and how the LUN is "
			       "exported",
			       p->path, p->path);
	return 0;
}

static int read_size(struct probe *p, struct cc_error *err)
{
	uint64_t bytes = 0;
	int block = 0;

	if (ioctl(p->fd, BLKGETSIZE64, &bytes) || ioctl(p->fd, BLKSSZGET, &block) || block <= 0)
		return cc_fail_errno(err, CC_E_DEVICE, "the size of %s cannot be read", p->path);
	p->sectors = bytes / 512;
	p->logical_block = (uint32_t)block;
	return 0;
}

int probe_device(const char *device, struct probe *p, struct cc_error *err)
{
	struct stat st;

	memset(p, 0, sizeof(*p));
	p->fd = -1;
	if (stat(device, &st)) {
		if (errno == ENOENT || errno == ENOTDIR)
			return cc_fail(err, CC_E_DEVICE, "%s does not exist; see \"lsblk\"",
				       device);
		return cc_fail_errno(err, CC_E_DEVICE, "%s", device);
	}
	if (!S_ISBLK(st.st_mode))
		return cc_fail(err, CC_E_DEVICE,
			       "%s is not a block device; for a file use \"losetup --find --show\"",
			       device);
	p->path = probe_stable_name(device, err);
	if (!p->path)
		return -1;
	p->stable = strncmp(p->path, DISK, strlen(DISK)) == 0;
	if (open_locked(p->path, p, err) || check_writable(p, err) ||
	    check_idle(p->path, st.st_rdev, err) || read_size(p, err))
		return -1;
	return find_signatures(p, err);
}

void probe_clear(struct probe *p)
{
	free(p->path);
	cc_close_ptr(&p->fd);
	cc_strv_clear(&p->signatures);
	memset(p, 0, sizeof(*p));
	p->fd = -1;
}
