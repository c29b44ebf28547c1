/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rootfs_tree.h - a directory tree as one digest: two trees that mean the same to a container have
 * the same, on any host and file system and in whatever order the directories list their names.
 *
 * Counted, of each entry but the root directory's own: name, type, permissions, owner and group,
 * extended attributes (with file capabilities and ACLs), content, target of a symbolic link,
 * numbers of a device.
 *
 * Not counted: times, link counts, inode numbers; the root directory's own attributes, which the
 * container's upper layer covers; labels that a host puts on files (security.selinux, .ima, .evm);
 * overlayfs's own book-keeping (trusted.overlay.origin, impure, nlink, uuid, upper, protattr, and
 * user.overlay. alike). A whiteout (character device 0:0) counts as such, whatever its owner. An
 * opaque directory is not part of the digest but told apart, since it depends on the layers below
 * whether that means anything.
 */
#ifndef CC_ROOTFS_TREE_H
#define CC_ROOTFS_TREE_H

#include "json.h"
#include "strv.h"

/* What a walk reads at most, 0: everything. A file counts by its size. */
struct tree_limit {
	uint64_t entries, bytes;
};

/**
 * struct tree - what a walk found. Zero it first.
 * @limit: in; a larger tree is CC_E_INVALID
 * @entries: below the root directory
 * @bytes: of regular files, 0 when they were not read
 * @newest: last change of any entry (ctime), nanoseconds since the epoch
 * @stamp: over names, inode numbers, types, owners, sizes and times: as long as it is the
 *         same, nobody has changed the tree through the file system without setting the clock back
 * @digest: "" when it was not asked for
 * @opaque: paths of opaque directories, "" for the root, sorted; empty without the digest
 */
struct tree {
	struct tree_limit limit;
	uint64_t entries, bytes;
	int64_t newest;
	char stamp[72];
	char digest[72];
	struct cc_strv opaque;
};

void tree_clear(struct tree *t);
#define tree_auto cc_cleanup(tree_clear)

/**
 * tree_walk - walks the tree of directory @fd.
 * @contents: take the digest, too, for which every file is read; otherwise only the stamp
 * @what: names the tree in error texts
 *
 * No symbolic link is followed, no mount below @fd is entered, nothing is left out: what cannot be
 * read, is mounted over, is nested too deep or changes meanwhile is an error.
 *
 * Return: 0; -1 with CC_E_BUSY when it changed, CC_E_INVALID or CC_E_INTERNAL.
 */
int tree_walk(int fd, bool contents, const char *what, struct tree *t, struct cc_error *err);

/**
 * tree_attributes - digest over the extended attributes that count of the file @fd, without the
 * mark of an opaque directory.
 */
int tree_attributes(int fd, char digest[static 72], struct cc_error *err);

#endif
