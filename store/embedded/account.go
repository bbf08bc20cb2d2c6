package embedded

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"strconv"
	"syscall"
)

// account is the user a server runs as: ours, or for root an unprivileged one, since PostgreSQL refuses to run as root.
type account struct {
	name     string
	uid, gid int
	switched bool
}

// serverAccount chooses the user. For root that is the owner of an existing cluster, else postgres, else nobody.
func serverAccount(data string) (account, error) {
	if os.Geteuid() != 0 {
		return account{name: "uid " + strconv.Itoa(os.Geteuid()), uid: os.Geteuid(), gid: os.Getegid()}, nil
	}
	if info, err := os.Stat(data); err == nil {
		if st, ok := info.Sys().(*syscall.Stat_t); ok && st.Uid != 0 {
			uid, gid := int(st.Uid), int(st.Gid)
			return account{name: "uid " + strconv.Itoa(uid), uid: uid, gid: gid, switched: true}, nil
		}
	}
	for _, name := range []string{"postgres", "nobody"} {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, err1 := strconv.ParseInt(u.Uid, 10, 64)
		gid, err2 := strconv.ParseInt(u.Gid, 10, 64)
		if err := errors.Join(err1, err2); err != nil {
			return account{}, fmt.Errorf("read the ids of user %s: %w", name, err)
		}
		return account{name: name, uid: int(uid), gid: int(gid), switched: true}, nil
	}
	return account{}, errors.New("PostgreSQL does not run as root, and there is no user postgres or nobody to run it: " +
		"create one, or run ferry as an ordinary user")
}

// attributes make a command run as the account.
func (a account) attributes() *syscall.SysProcAttr {
	if !a.switched {
		return &syscall.SysProcAttr{}
	}
	//nolint:gosec // macOS has the user nobody at -2, which is 4294967294 in the kernel
	return &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(a.uid), Gid: uint32(a.gid)}}
}

// give hands a file to the account.
func (a account) give(path string) error {
	if !a.switched {
		return nil
	}
	if err := os.Lchown(path, a.uid, a.gid); err != nil {
		return fmt.Errorf("give %s to user %s: %w", path, a.name, err)
	}
	return nil
}

// reaches reports whether the account can pass through a directory. Trying it is the only answer that knows of every
// parent, of access lists and of whatever else the system restricts.
func (a account) reaches(ctx context.Context, dir string) (bool, error) {
	if !a.switched {
		return true, nil
	}
	cmd := exec.CommandContext(ctx, "/bin/sh", "-c", `cd "$1"`, "sh", dir) //nolint:gosec // an argument, not a script
	cmd.Dir = "/"
	cmd.SysProcAttr = a.attributes()
	err := cmd.Run()
	if _, refused := errors.AsType[*exec.ExitError](err); refused && ctx.Err() == nil {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("find out whether user %s can enter %s: %w", a.name, dir, err)
	}
	return true, nil
}

// output runs a program as the account and returns what it prints.
func (a account) output(ctx context.Context, argv ...string) (string, error) {
	cmd := exec.CommandContext(ctx, argv[0], argv[1:]...) //nolint:gosec // one of PostgreSQL's own tools
	cmd.Dir = "/"
	cmd.Env = environment()
	cmd.SysProcAttr = a.attributes()
	out, err := cmd.Output()
	return string(out), err
}
