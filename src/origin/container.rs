//! The id of this container, as the kernel lets it be seen.

/// The id, from the texts of `/proc/self/cgroup` and `/proc/self/mountinfo`; none if neither tells.
///
/// The path of a control group ends in it, but for a container with a namespace of its own, which
/// sees `/` there; what Docker mounts comes from a directory of that name. Under containerd such a
/// container cannot tell: the id that its mounts show is its pod's.
pub(super) fn id<'a>(cgroup: &'a str, mountinfo: &'a str) -> Option<&'a str> {
    let of_line = |line: &'a str| line.splitn(3, ':').nth(2).and_then(in_group);
    let of_mount = |line: &'a str| {
        let (mount, kind) = line.split_once(" - ")?;
        let path = mount.split(' ').nth(3)?;
        if kind.starts_with("cgroup") { in_group(path) } else { in_directory(path) }
    };
    cgroup.lines().find_map(of_line).or_else(|| mountinfo.lines().find_map(of_mount))
}

/// From the path of a control group: the last of `/docker/ID`, `/kubepods/…/ID`,
/// `/…/cri-containerd-ID.scope`, `/ecs/TASK/ID`.
fn in_group(path: &str) -> Option<&str> {
    let id = |part: &'_ str| -> bool { is_id(part) || is_fargate(part) };
    path.rsplit('/').find_map(|part| {
        let part = part.strip_suffix(".scope").unwrap_or(part);
        let bare = part.rsplit_once('-').map_or(part, |(_, bare)| bare);
        [part, bare].into_iter().find(|part| id(part))
    })
}

/// From the source of a mount: `/var/lib/docker/containers/ID/hostname`.
fn in_directory(path: &str) -> Option<&str> {
    let (_, below) = path.split_once("/containers/")?;
    below.split('/').next().filter(|part| is_id(part))
}

fn is_id(part: &str) -> bool {
    part.len() == 64 && is_hex(part)
}

/// Fargate's own kind: the task's id and a number.
fn is_fargate(part: &str) -> bool {
    part.split_once('-').is_some_and(|(task, number)| {
        let is_number = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        task.len() == 32 && is_hex(task) && is_number
    })
}

fn is_hex(part: &str) -> bool {
    part.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_text_is_survived_and_what_is_found_is_an_id(
            cgroup in "([0-9a-f]{62,66}|[:/. \\-]|scope|\\PC){0,20}",
            mountinfo in "([0-9a-f]{62,66}|[:/ \\-]| - |cgroup|/containers/|\\PC|\n){0,20}",
        ) {
            if let Some(id) = id(&cgroup, &mountinfo) {
                prop_assert!(is_id(id) || is_fargate(id), "{}", id);
            }
        }
    }

    #[test]
    fn each_runtime_shows_it_in_its_own_way() {
        const ID: &str = "432624d2150b349fe35ba397284dea788c2bf66b885d14dfc1569b01890ca7da";
        let task = "9cb5b59c1ea94ae5a7ba25c4bf7d7b1f";
        let fargate = format!("{task}-3054012820");
        let pod = "f5f1a1b2-2d1c-4d53-a3b1-9f8f7a6b5c4d";
        for (cgroup, mountinfo, expected) in [
            (format!("12:cpu:/docker/{ID}\n0::/"), String::new(), Some(ID)),
            (format!("0::/system.slice/docker-{ID}.scope"), String::new(), Some(ID)),
            (format!("0::/docker/{ID}/init.scope"), String::new(), Some(ID)),
            (format!("11:memory:/kubepods/burstable/pod{pod}/{ID}"), String::new(), Some(ID)),
            (
                format!("0::/kubepods.slice/kubepods-pod{pod}.slice/cri-containerd-{ID}.scope"),
                String::new(),
                Some(ID),
            ),
            (format!("1:name=systemd:/ecs/{task}/{ID}"), String::new(), Some(ID)),
            (format!("9:cpu:/ecs/{task}/{fargate}"), String::new(), Some(&*fargate)),
            (
                "0::/".to_owned(),
                format!(
                    "1 2 0:3 / / rw - overlay overlay rw\n607 601 259:1 \
                     /var/lib/docker/containers/{ID}/hostname /etc/hostname rw - ext4 /dev/x rw"
                ),
                Some(ID),
            ),
            (
                String::new(),
                format!("30 25 0:27 /docker/{ID} /sys/fs/cgroup/cpu ro - cgroup cgroup rw"),
                Some(ID),
            ),
            (
                "0::/".to_owned(),
                format!(
                    "1 2 8:1 /var/lib/containerd/io.containerd.grpc.v1.cri/sandboxes/{ID}/hostname \
                     /etc/hostname rw - ext4 /dev/x rw\n1 2 8:1 \
                     /var/lib/kubelet/pods/{pod}/containers/app/1a2b3c4d /dev/termination-log rw - \
                     ext4 /dev/x rw"
                ),
                None,
            ),
            (format!("0::/user.slice/{}", ID.to_uppercase()), String::new(), None),
            ("0::/\n:\nnonsense\n1:".to_owned(), "- \n -  - ".to_owned(), None),
        ] {
            assert_eq!(id(&cgroup, &mountinfo), expected, "{cgroup} {mountinfo}");
        }
    }
}
