/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upkeep.h - which programs work on the file systems of volumes just now, for whoever asks what
 * the host does ("dmctl ps"): the command of a "dmctl volume maintain", and the check of a damaged
 * file system at a bind. It is for people: nothing is decided by it.
 *
 * Of each volume there are two files, NAME.json with what is known when the program begins and
 * NAME.progress with how far it is. Both are root's alone. Whoever is killed leaves them; they say
 * nothing once their program has ended.
 */
#ifndef CC_UPKEEP_H
#define CC_UPKEEP_H

#include <stdbool.h>
#include <sys/types.h>

#include "json.h"
#include "paths.h"

#define CC_UPKEEP_DIR CC_RUN_DIR "/upkeep"
#define UPKEEP_PROGRESS_FD 3 /* of a maintenance's command: takes what "e2fsck -C 3" writes */

/* enum upkeep_kind - what for: a command of the administrator's, or before a container starts. */
enum upkeep_kind { UPKEEP_MAINTAIN, UPKEEP_CHECK };

/**
 * struct upkeep - a program on its way. To be closed.
 * @progress: takes lines as e2fsck(8) writes them for -C; close-on-exec; -1: nobody reads them
 * @scribe: our child that does, and writes down the last one; 0: none
 */
struct upkeep {
	const char *dir;
	char volume[64];
	int progress;
	pid_t scribe;
};

#define UPKEEP_NONE ((struct upkeep){.progress = -1})

/**
 * upkeep_open - before the program is started. Call before there is any secret in memory, or after.
 * @dir: CC_UPKEEP_DIR; borrowed
 * @volume: whose lock we have
 * Return: 0; -1 when nothing can be written down, and then @u is as UPKEEP_NONE.
 */
int upkeep_open(struct upkeep *u, const char *dir, const char *volume, struct cc_error *err);

/* It was started as process @pid, our child, and is @command, a line. 0, or -1 as above. */
int upkeep_begun(const struct upkeep *u, enum upkeep_kind kind, const char *command, pid_t pid,
		 struct cc_error *err);

/* It has ended: nothing is left of it. UPKEEP_NONE is fine. */
void upkeep_close(struct upkeep *u);

/* What somebody who was killed has left of @volume, whose lock we have. */
void upkeep_forget(const char *dir, const char *volume);

/**
 * upkeep_list - what runs now.
 * @list: out, new reference, by volume: {"volume", "kind": "maintain"|"check", "command", "pid",
 *        "since", "elapsedMs", "progress": null|{"pass","percent"}}
 */
int upkeep_list(const char *dir, json_t **list, struct cc_error *err);

/**
 * upkeep_progress - what a line of e2fsck's says: "PASS CURRENT MAX DEVICE".
 * @pass: out, 1 to 5; @percent: out, of that pass
 * Return: false for any other line.
 */
bool upkeep_progress(const char *line, unsigned int *pass, unsigned int *percent);

#endif
