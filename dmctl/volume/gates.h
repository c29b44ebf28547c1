/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gates.h - the two lines that BPF programs hold before the target's own gate:
 *
 *	open	only one control group opens a mapping, from when the mapping is in the table
 *	look    only that one and the bound container's walk into the file system on it,
 *		whatever way they came there (/proc/PID/root, nsenter, another mount of the same
 *		super block)
 *
 * Programs, their links and the table are kept below GATES_DIR and stand while nobody of ours
 * runs. Who takes them away there is root on the host. Each call finds them there; there is no
 * state but what gates_demand() sets.
 *
 * A mapping comes into the table while it is locked, and leaves it when it is locked for good and
 * nobody has it open (mapping_remove()), so device numbers that device-mapper uses again do no
 * harm. What is overlooked, gates_prune() finds.
 */
#ifndef CC_GATES_H
#define CC_GATES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "error.h"

#define GATES_DIR "/sys/fs/bpf/container-crypt"

enum gate_line { GATE_OPEN = 1, GATE_LOOK = 2, GATE_LINES = 3 };

/* "open", "look". */
const char *gate_line_name(enum gate_line line);

#define GATE_LINES_TEXT 32

/* The names of those lines, "open,look", or "none"; returns @out. */
const char *gate_lines_text(unsigned int which, char out[static GATE_LINES_TEXT]);

/* The line of that name; false: there is none. */
bool gate_line_parse(const char *name, enum gate_line *line);

/* The lines without which this process does not go on; at first none. */
void gates_demand(unsigned int lines);

/**
 * gates_raise - puts up the lines that are demanded, with programs of this very version, in place
 * of those that stand, without a gap; takes down those that are not.
 *
 * device-mapper has to be there. CC_E_DEVICE when the kernel cannot.
 */
int gates_raise(struct cc_error *err);

/* All that are demanded stand. */
bool gates_stand(void);

/* The same; if not, tries to raise them. */
int gates_require(struct cc_error *err);

/* Those that stand. */
unsigned int gates_standing(void);

/* Why a line that does not stand cannot on this host, in a few words; "" when it could. */
const char *gate_line_obstacle(enum gate_line line);

/* The agent of this host goes without the line. */
bool gate_line_waived(enum gate_line line);

/**
 * gates_set - from now on only the caller's own control group opens the device and looks into it,
 * and the reader looks into it.
 * @reader: id of a control group, 0: none
 * @level: its depth
 *
 * Who has it open already keeps that: look at the mapping's open_count afterwards. Without a table,
 * success when no line is demanded.
 */
int gates_set(dev_t dev, uint64_t reader, unsigned int level, struct cc_error *err);

/* Takes the device out of the table. */
void gates_drop(dev_t dev);

/* Those of the lines that stand and have the device. */
unsigned int gates_guarding(dev_t dev);

/* Takes what is no mapping of ours any more out of the table. */
void gates_prune(void);

#endif
