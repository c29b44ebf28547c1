// SPDX-License-Identifier: Apache-2.0
/*
 * The decision's part about mounts.
 */
#include "decide_test.h"

#define MOUNT(dest, type, source, options, engine)                                              \
	"{'destination':'" dest "','type':'" type "','source':'" source "','options':[" options \
	"],'engine':" engine "}"
#define BIND(dest, source, options) MOUNT(dest, "bind", source, options, "false")
#define PLACEHOLDER "/run/container-crypt/placeholder"
#define RULE(dest, source, options) \
	"{'destination':'" dest "','type':'bind','source':'" source "','options':[" options "]}"

static const struct row rows[] = {
	{"the placeholder of the volume, where the volume goes",
	 "m config.mounts=[" BIND("/srv/data", PLACEHOLDER "/pgdata", "'rbind','rprivate'") "]",
	 NULL, NULL},
	{"the placeholder elsewhere",
	 "m config.mounts=[" BIND("/data", PLACEHOLDER "/pgdata", "") "]", "mounts", ""},
	{"the placeholder of another volume",
	 "m config.mounts=[" BIND("/srv/data", PLACEHOLDER "/other", "") "]", "mounts", ""},
	{"what only begins like the placeholder",
	 "m config.mounts=[" BIND("/srv/data", PLACEHOLDER "/pgdata/..", "") "]", "mounts", ""},
	{"all placeholders at once", "m config.mounts=[" BIND("/srv/data", PLACEHOLDER, "") "]",
	 "mounts", ""},
	{"the placeholder as another kind of mount",
	 "m config.mounts=[" MOUNT("/srv/data", "overlay", PLACEHOLDER "/pgdata", "", "false") "]",
	 "mounts", ""},
	{"a mount at the volume's place that names neither type nor source",
	 "m config.mounts=[{'destination':'/srv/data','options':[],'engine':false}]", "mounts",
	 "container has one at \"/srv/data\" from absent"},
	{"a bind mount at the volume's place that names no source",
	 "m config.mounts=[{'destination':'/srv/data','type':'bind','options':[],'engine':false}]",
	 "mounts", "container has bind at \"/srv/data\" from absent"},
	{"the placeholder without a type",
	 "m config.mounts=[{'destination':'/srv/data','source':'" PLACEHOLDER
	 "/pgdata','options':[],'engine':false}]",
	 "mounts", "container has one at \"/srv/data\" from \"" PLACEHOLDER "/pgdata\""},
	{"a bind mount", "m config.mounts=[" BIND("/x", "/etc", "'rbind'") "]", "mounts",
	 "container has bind at \"/x\" from \"/etc\", options [\"rbind\"]"},
	{"a bind mount that an identity allows",
	 "i mounts=[" RULE("/x", "/etc", "'ro'") "];"
						 "m config.mounts=[" BIND("/x", "/etc",
									  "'rbind','ro'") "]",
	 NULL, NULL},
	{"a signed mount from elsewhere",
	 "i mounts=[" RULE("/x", "/etc", "") "];m config.mounts=[" BIND("/x", "/root", "") "]",
	 "mounts", "from \"/root\""},
	{"a signed mount at another place",
	 "i mounts=[" RULE("/x", "/etc", "") "];m config.mounts=[" BIND("/y", "/etc", "") "]",
	 "mounts", "at \"/y\""},
	{"a signed mount of another type",
	 "i mounts=[" RULE("/x", "/etc", "") "];"
					     "m config.mounts=[" MOUNT("/x", "overlay", "/etc", "",
								       "false") "]",
	 "mounts", "overlay at"},
	{"a signed mount without a signed option",
	 "i mounts=[" RULE("/x", "/etc", "'ro'") "];m config.mounts=[" BIND("/x", "/etc", "") "]",
	 "mounts", "options []"},
	{"a signed option taken back by its opposite",
	 "i mounts=[" RULE("/x", "/etc", "'ro'") "];"
						 "m config.mounts=[" BIND("/x", "/etc",
									  "'ro','rw'") "]",
	 "mounts", "[\"ro\",\"rw\"]"},
	{"a signed option taken back by its opposite for all that is below",
	 "i mounts=[" RULE("/x", "/etc", "'ro'") "];"
						 "m config.mounts=[" BIND("/x", "/etc",
									  "'ro','rrw'") "]",
	 "mounts", "[\"ro\",\"rrw\"]"},
	{"a signed option given once more for all that is below",
	 "i mounts=[" RULE("/x", "/etc", "'ro'") "];"
						 "m config.mounts=[" BIND("/x", "/etc",
									  "'rbind','ro','rro'") "]",
	 NULL, NULL},
	{"a mount that only spells a signed one otherwise",
	 "i mounts=[" RULE("/x", "/etc", "") "];m config.mounts=[" BIND("/x/", "/etc", "") "]",
	 "mounts", "\"/x/\""},
	{"a signed tmpfs without a source",
	 "i mounts=[{'destination':'/run','type':'tmpfs'}];"
	 "m config.mounts=[{'destination':'/run','type':'tmpfs','options':[],'engine':false}]",
	 NULL, NULL},
	{"a source where none is signed",
	 "i mounts=[{'destination':'/run','type':'tmpfs'}];"
	 "m config.mounts=[" MOUNT("/run", "tmpfs", "/etc", "", "false") "]",
	 "mounts", "from \"/etc\""},
	{"the engine's mount on the volume's mount point",
	 "m config.mounts=[" MOUNT("/srv/data", "tmpfs", "tmpfs", "", "true") "]", "mounts",
	 "/srv/data"},
	{"the engine's mount below it",
	 "m config.mounts=[" MOUNT("/srv/data/x", "tmpfs", "tmpfs", "", "true") "]", "mounts",
	 "/srv/data/x"},
	{"the engine's mount above it",
	 "m config.mounts=[" MOUNT("/srv", "tmpfs", "tmpfs", "", "true") "]", "mounts", "/srv"},
	{"the engine's mount on the root",
	 "m config.mounts=[" MOUNT("/", "tmpfs", "tmpfs", "", "true") "]", "mounts", "at \"/\""},
	{"the engine's mount beside it",
	 "m config.mounts=[" MOUNT("/srv/database", "tmpfs", "tmpfs", "", "true") "]", NULL, NULL},
	{"the engine's mount by a crooked path",
	 "m config.mounts=[" MOUNT("/proc/../srv/data", "tmpfs", "tmpfs", "", "true") "]", "mounts",
	 "/proc/../srv/data"},
	{"a signed mount above the mount point",
	 "i mounts=[" RULE("/srv", "/mnt/srv", "") "];"
						   "m config.mounts=[" BIND("/srv", "/mnt/srv",
									    "") "]",
	 NULL, NULL},

	/* options beyond those of the rule */
	{"a signed mount that is recursively read-only where read-only is signed",
	 "i mounts=[" RULE("/x", "/etc", "'ro'") "];m config.mounts=[" BIND(
		 "/x", "/etc", "'rbind','rro','rprivate'") "]",
	 NULL, NULL},
	{"a signed mount that is only read-only where recursively is signed",
	 "i mounts=[" RULE("/x", "/etc", "'rro'") "];m config.mounts=[" BIND("/x", "/etc",
									     "'rbind','ro'") "]",
	 "mounts", "/x"},
	{"a signed mount with submounts where none are signed",
	 "i mounts=[" RULE("/x", "/etc", "'bind'") "];m config.mounts=[" BIND("/x", "/etc",
									      "'rbind'") "]",
	 "mounts", "/x"},
	{"what Docker and Podman add to a signed mount",
	 "i mounts=[" RULE("/x", "/etc", "") "];m config.mounts=[" BIND(
		 "/x", "/etc", "'rbind','rprivate','rw','nosuid','nodev','noexec'") "]",
	 NULL, NULL},
	{"a signed mount that what is mounted in the container spreads from",
	 "i mounts=[" RULE("/x", "/etc", "'ro'") "];m config.mounts=[" BIND(
		 "/x", "/etc", "'rbind','ro','rshared'") "]",
	 "mounts", "does not name option \"rshared\" of the mount at \"/x\"; run the container"},
	{"a signed mount that spreads, signed",
	 "i mounts=[" RULE("/x", "/etc", "'rshared'") "];m config.mounts=[" BIND(
		 "/x", "/etc", "'rbind','rshared'") "]",
	 NULL, NULL},
	{"a signed mount that the host's mounts spread to",
	 "i mounts=[" RULE("/x", "/etc", "") "];m config.mounts=[" BIND("/x", "/etc",
									"'rbind','rslave'") "]",
	 "mounts", "rslave"},
	{"a signed mount with devices",
	 "i mounts=[" RULE("/x", "/etc", "") "];m config.mounts=[" BIND("/x", "/etc",
									"'rbind','dev'") "]",
	 "mounts", "\"dev\""},
	{"a signed mount with setuid programs",
	 "i mounts=[" RULE("/x", "/etc", "") "];m config.mounts=[" BIND("/x", "/etc",
									"'rbind','rsuid'") "]",
	 "mounts", "\"rsuid\""},
	{"a signed mount whose owners are mapped",
	 "i mounts=[" RULE("/x", "/etc", "") "];m config.mounts=[" BIND("/x", "/etc",
									"'rbind','idmap'") "]",
	 "mounts", "\"idmap\""},
	{"another of two rules about a mount",
	 "i mounts=[" RULE("/x", "/etc", "'rshared'") "," RULE(
		 "/x", "/etc", "'rslave'") "];"
					   "m config.mounts=[" BIND("/x", "/etc",
								    "'rbind','rslave'") "]",
	 NULL, NULL},
	{"the size and mode of a signed tmpfs",
	 "i mounts=[{'destination':'/x','type':'tmpfs','source':'tmpfs','options':[]}];"
	 "m config.mounts=[" MOUNT("/x", "tmpfs", "tmpfs", "'nosuid','size=64m','mode=1777'",
				   "false") "]",
	 NULL, NULL},
	{"the directories of a signed overlay",
	 "i mounts=[{'destination':'/x','type':'overlay','source':'overlay','options':[]}];"
	 "m config.mounts=[" MOUNT("/x", "overlay", "overlay", "'lowerdir=/evil'", "false") "]",
	 "mounts", "lowerdir"},
	{"the volume's placeholder that spreads",
	 "m config.mounts=[" BIND("/srv/data", PLACEHOLDER "/pgdata", "'rbind','rshared'") "]",
	 "mounts", "rshared"},
	{"the volume's placeholder with options of a volume",
	 "m config.mounts=[" BIND("/srv/data", PLACEHOLDER "/pgdata",
				  "'rbind','ro','noexec','strictatime'") "]",
	 NULL, NULL},
	{"the engine's mount that spreads",
	 "m config.mounts=[" MOUNT("/dev/shm", "tmpfs", "shm", "'nosuid','rshared'", "true") "]",
	 "mounts", "\"rshared\" of the mount at \"/dev/shm\""},
	{"the engine's mount with devices",
	 "m config.mounts=[" MOUNT("/dev/shm", "tmpfs", "shm", "'nosuid','dev'", "true") "]",
	 "mounts", "\"dev\""},
	{"the engine's mount with devices, signed",
	 "i mounts=[{'destination':'/dev/shm','type':'tmpfs','source':'shm','options':['dev']}];"
	 "m config.mounts=[" MOUNT("/dev/shm", "tmpfs", "shm", "'nosuid','dev'", "true") "]",
	 NULL, NULL},
	{"what engines write for their own mounts",
	 "m config.mounts=[" MOUNT(
		 "/dev", "tmpfs", "tmpfs", "'nosuid','strictatime','mode=755','size=65536k'",
		 "true") "," MOUNT("/dev/pts", "devpts", "devpts",
				   "'nosuid','noexec','newinstance','ptmxmode=0666','mode=0620','gid=5'",
				   "true") "," MOUNT("/sys/fs/cgroup", "cgroup", "cgroup",
						     "'rprivate','nosuid','noexec','nodev','relatime','ro'",
						     "true") "]",
	 NULL, NULL},
};

int main(void)
{
	return run_rows(rows, sizeof(rows) / sizeof(rows[0]), NULL, 0);
}
