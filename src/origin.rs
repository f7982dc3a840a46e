//! What machine this is: an EC2 instance, a container of ECS or EKS, Elastic Beanstalk.
//!
//! [`search`] asks whoever there is reason to ask, and tells each thing it finds as soon as it is
//! known: segments that leave before simply do not say it. It is for the side of the house that no
//! request waits for. Each source has a file of its own: a pure reader of what it says, and a thin
//! way to ask it.
//!
//! By default nobody is asked in vain: what is at hand without a request (environment variables, the
//! firmware's name of the machine, files that Kubernetes mounts) tells whether there is anybody.

use std::future::Future;

use tracing::debug;
use tracing::warn;

pub use self::found::Found;
use self::options::Options;
use self::options::Places;
use self::options::Plugin;
use self::options::Plugins;
use crate::trace::site::Site;

mod beanstalk;
mod container;
mod ec2;
mod ecs;
mod eks;
mod fetch;
mod files;
mod found;
mod insist;
pub mod options;

/// What is known of where this runs before anything is looked for.
pub fn given(options: &Options, site: &mut Site) {
    site.service.version.clone_from(&options.version);
    found::add_log_groups(site, &options.log_groups);
}

/// Looks for everything that `options` want, and `tell`s what it finds; the later of two findings of
/// one kind says all that the earlier did. Ends when all is found, or after some minutes in which it
/// was not.
pub async fn search(options: &Options, tell: impl Fn(&Found)) {
    let looker = |plugin| Looker {
        places: &options.places,
        named: options.plugins.name(plugin),
        plugin,
        tell: &tell,
    };
    tokio::join!(
        wanted(options, looker(Plugin::ElasticBeanstalk), beanstalk::search),
        wanted(options, looker(Plugin::Eks), eks::search),
        wanted(options, looker(Plugin::Ecs), ecs::search),
        wanted(options, looker(Plugin::Ec2), ec2::search),
    );
}

/// What one search is given.
struct Looker<'a> {
    places: &'a Places,
    /// Whether the plugin was asked for by its name, so that it need not be evident.
    named: bool,
    plugin: Plugin,
    tell: &'a dyn Fn(&Found),
}

impl Looker<'_> {
    /// That is known now.
    fn found(&self, found: &Found) {
        debug!(plugin = self.plugin.as_str(), ?found, "more is known of where this runs");
        (self.tell)(found);
    }

    /// That is all there is to be known, or why there is nothing: loudly where somebody has asked
    /// for it.
    fn in_vain(&self, why: &dyn std::fmt::Display) {
        let plugin = self.plugin.as_str();
        if self.named {
            warn!(plugin, %why, "not everything is known of where this runs");
        } else {
            debug!(plugin, %why, "not everything is known of where this runs");
        }
    }
}

async fn wanted<'a, F>(options: &Options, looker: Looker<'a>, search: impl Fn(Looker<'a>) -> F)
where
    F: Future<Output = ()>,
{
    let is_wanted = match &options.plugins {
        Plugins::Auto => true,
        Plugins::Named(_) => looker.named,
    };
    if is_wanted {
        // On the heap, because most end at once.
        Box::pin(search(looker)).await;
    }
}

#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
