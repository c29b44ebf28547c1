/* SPDX-License-Identifier: Apache-2.0 */
/*
 * image_pull.h - the manifests and signatures of an image, out of its registry into a directory as
 * image_layout.h reads one.
 *
 * A child asks the registry and reads what it answers. It has no rights: the user "nobody" where we
 * are root, no new privileges, no descriptor but that to us, no terminal, no program to run, no
 * process of its own, bounded memory, no files to write; what it needs to log in it reads before.
 * We take documents from it, each compared with its digest, bounded in number, size and time, and
 * parse nothing.
 */
#ifndef CC_IMAGE_PULL_H
#define CC_IMAGE_PULL_H

#include "error.h"

/**
 * struct image_pull - what to fetch, and how.
 * @image: as engines name it
 * @ca: file with certificates in PEM that are trusted in place of the system's; NULL: those that
 *      the engines have for this registry, or else the system's
 * @auth_file: config of an engine with credentials; NULL: those of Docker and Podman
 * @plain: http, without which it is https unless the registry is this machine and @ca is NULL
 * @seconds: after which it is given up; 0: IMAGE_PULL_SECONDS
 */
struct image_pull {
	const char *image;
	const char *ca;
	const char *auth_file;
	bool plain;
	unsigned int seconds;
};

#define IMAGE_PULL_SECONDS 120

/**
 * image_pull - fetches into @dir, which is empty.
 * Return: 0; -1 with CC_E_USAGE (no name of an image), CC_E_NOTFOUND, CC_E_PERM, CC_E_UNREACHABLE
 * (the registry, or the time is over), or CC_E_INVALID (what it answers, or nothing is signed).
 * After stop_signals_block() a signal ends it, as an error.
 */
int image_pull(const struct image_pull *pull, const char *dir, struct cc_error *err);

/* Removes what image_pull() has put into @dir, and @dir. */
void image_pull_remove(const char *dir);

#endif
