//! What a phy can do.

use linux_raw_sys::netlink::{
    nl80211_attrs as attr, nl80211_band_attr as band_attr, nl80211_feature_flags as feature,
    nl80211_frequency_attr as frequency_attr, nl80211_iftype as iftype,
};
use stack::wire::Channel;

use crate::netlink::{Attributes, number_of, text_of};

/// A radio as the kernel knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Phy {
    /// Its index.
    pub index: u32,
    /// Its name, such as `phy0`.
    pub name: String,
    /// The channels it may use.
    pub channels: Vec<PhyChannel>,
    /// The channels it has and that the regulatory domain disables.
    pub disabled: Vec<Channel>,
    /// It has monitor interfaces.
    pub monitor: bool,
    /// Its monitor interfaces can acknowledge frames to their own address.
    pub active_monitor: bool,
}

/// A channel of a phy and what the regulatory domain lets it do there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PhyChannel {
    /// The channel.
    pub channel: Channel,
    /// It may not begin to radiate there: no beacons, no probe requests.
    pub no_ir: bool,
    /// It has to look out for radar there.
    pub radar: bool,
    /// The most it may transmit with, in hundredths of a dBm.
    pub max_power: u32,
}

impl Phy {
    /// Takes in one message of a split dump, which tells of a phy piece by piece.
    pub(super) fn merge(phys: &mut Vec<Self>, message: &Attributes<'_>) {
        let Some(index) = message.number(attr::NL80211_ATTR_WIPHY as u16) else { return };
        if phys.last().is_none_or(|phy| phy.index != index) {
            phys.push(Self { index, ..Self::default() });
        }
        if let Some(phy) = phys.last_mut() {
            phy.take_in(message);
        }
    }

    fn take_in(&mut self, message: &Attributes<'_>) {
        if let Some(name) = message.find(attr::NL80211_ATTR_WIPHY_NAME as u16) {
            self.name = text_of(name);
        }
        if let Some(flags) = message.number(attr::NL80211_ATTR_FEATURE_FLAGS as u16) {
            self.active_monitor = flags & feature::NL80211_FEATURE_ACTIVE_MONITOR as u32 != 0;
        }
        let kinds = message.nested(attr::NL80211_ATTR_SUPPORTED_IFTYPES as u16);
        self.monitor |= kinds.into_iter().any(|(kind, _)| kind == iftype::NL80211_IFTYPE_MONITOR as u16);
        for (_, band) in message.nested(attr::NL80211_ATTR_WIPHY_BANDS as u16) {
            for (_, value) in Attributes::new(band).nested(band_attr::NL80211_BAND_ATTR_FREQS as u16) {
                self.take_channel(&Attributes::new(value));
            }
        }
    }

    fn take_channel(&mut self, value: &Attributes<'_>) {
        let has = |kind: frequency_attr| value.find(kind as u16).is_some();
        let frequency = value.number(frequency_attr::NL80211_FREQUENCY_ATTR_FREQ as u16);
        let frequency = frequency.and_then(|mhz| u16::try_from(mhz).ok());
        let Some(channel) = frequency.and_then(Channel::from_frequency) else { return };
        if has(frequency_attr::NL80211_FREQUENCY_ATTR_DISABLED) {
            self.disabled.push(channel);
            return;
        }
        self.channels.push(PhyChannel {
            channel,
            no_ir: has(frequency_attr::NL80211_FREQUENCY_ATTR_NO_IR),
            radar: has(frequency_attr::NL80211_FREQUENCY_ATTR_RADAR),
            max_power: value
                .find(frequency_attr::NL80211_FREQUENCY_ATTR_MAX_TX_POWER as u16)
                .and_then(number_of)
                .unwrap_or(0),
        });
    }
}
