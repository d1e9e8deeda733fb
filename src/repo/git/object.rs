//! Objects: the trees and blobs of a commit, and the commit itself.

use gix::ObjectId;
use gix::objs::{Exists as _, Kind, Write as _, WriteTo as _};

use super::error::failed;
use super::plan::Plan;
use super::{GitError, Repository, pack};

/// Is an object that the repository may lack.
pub(super) struct Object<'a> {
    pub(super) id: ObjectId,
    pub(super) kind: Kind,
    pub(super) data: std::borrow::Cow<'a, [u8]>,
}

/// With more new objects than this, one pack is cheaper to write and to read than a file for each.
const LOOSE: usize = 50;

impl Repository {
    /// Stores what the commit needs and the repository lacks; returns the tree.
    pub(super) fn store(&self, plan: &Plan) -> Result<ObjectId, GitError> {
        // The detached editor does not insist that the neighbours of our files are present, which
        // they are not in a partial clone. It does not check names either: the plan did.
        let mut editor = self.git.edit_tree(plan.tree).map_err(failed("read `HEAD`"))?.detach();
        let mut objects = Vec::new();
        // In the order of paths: `a` is gone, or a file, before anything below `a/` is looked at.
        for (path, edit) in plan.edits.iter().filter(|(_, edit)| edit.new != edit.head) {
            let name = path.split('/');
            if let Some((id, kind)) = edit.new {
                objects.extend(edit.content.map(|blob| Object { id, kind: Kind::Blob, data: blob.bytes().into() }));
                editor.upsert(name, kind, id).map_err(failed("edit a directory"))?;
            } else if edit.head.is_some() {
                editor.remove(name).map_err(failed("edit a directory"))?;
            }
        }
        let write = |tree: &gix::objs::Tree| -> gix::Result<ObjectId> {
            let mut data = Vec::new();
            tree.write_to(&mut data).map_err(gix::hash::io::from_std_io)?;
            let id = gix::objs::compute_hash(self.git.object_hash(), Kind::Tree, &data)?;
            objects.push(Object { id, kind: Kind::Tree, data: data.into() });
            Ok(id)
        };
        let tree = editor.write(write).map_err(failed("store a directory"))?;
        objects.sort_by_key(|object| object.id);
        objects.dedup_by_key(|object| object.id);
        let mut known = self.git.objects.clone();
        known.refresh_never();
        if objects.len() > LOOSE {
            let dir = self.git.objects.store_ref().path().join("pack");
            pack::write(&dir, &objects, self.git.object_hash()).map_err(failed("store the files"))?;
        } else {
            objects.retain(|object| object.kind == Kind::Blob || !known.exists(&object.id));
            for object in &objects {
                self.git.objects.write_buf(object.kind, &object.data).map_err(failed("store a file"))?;
            }
        }
        Ok(tree)
    }

    /// Writes the commit itself, signed by the user's programs if it shall be.
    pub(super) fn write_commit(
        &self,
        tree: ObjectId,
        parent: Option<ObjectId>,
        message: &str,
        sign: bool,
    ) -> Result<ObjectId, GitError> {
        let missing = |role| move || GitError::NoIdentity { role };
        let author = self.git.author().ok_or_else(missing("author"))?.map_err(failed("read the identity"))?;
        let committer = self.git.committer().ok_or_else(missing("committer"))?.map_err(failed("read the identity"))?;
        if !sign {
            let commit = gix::objs::Commit {
                message: message.into(),
                tree,
                author: author.into(),
                committer: committer.into(),
                encoding: None,
                parents: parent.into_iter().collect(),
                extra_headers: Vec::default(),
            };
            return Ok(self.git.write_object(&commit).map_err(failed("make the commit"))?.detach());
        }
        let mut git = self.program()?;
        git.args(["-c", "i18n.commitEncoding=UTF-8", "commit-tree", "-S"]).arg(tree.to_string());
        if let Some(parent) = parent {
            git.args(["-p", &parent.to_string()]);
        }
        for (role, who) in [("AUTHOR", author), ("COMMITTER", committer)] {
            git.env(format!("GIT_{role}_NAME"), who.name.to_string())
                .env(format!("GIT_{role}_EMAIL"), who.email.to_string())
                .env(format!("GIT_{role}_DATE"), format!("@{}", who.time.trim()));
        }
        let output = super::program::finish(&mut git, message.as_bytes())?;
        let id = output.stdout.trim().parse().ok().filter(|_| output.success);
        id.ok_or(GitError::SigningFailed { said: output.stderr })
    }

    /// Tells whether a commit is to be signed: what is asked for, else what `commit.gpgSign` says.
    pub(super) fn signs(&self, asked: Option<bool>) -> Result<bool, GitError> {
        let configured = self.git.config_snapshot().try_boolean("commit.gpgSign");
        let configured = configured.map_err(failed("read `commit.gpgSign`"))?;
        Ok(asked.or(configured).unwrap_or(false))
    }
}
